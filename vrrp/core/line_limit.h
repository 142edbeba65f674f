// How often the log tells of what may happen often.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "common/clock.h"

namespace hapair::vrrp {

/// One line a minute, which says how many there were: junk must not fill disks.
class LineLimit {
 public:
  /// Counts one more. How many a line has to tell of, if it may be written now.
  std::optional<std::uint64_t> take(TimePoint now) {
    ++count_;
    if (told_ != TimePoint::min() && now - told_ < kBetweenLines) return std::nullopt;
    told_ = now;
    return std::exchange(count_, 0);
  }

 private:
  static constexpr Duration kBetweenLines = std::chrono::minutes(1);
  TimePoint told_ = TimePoint::min();
  std::uint64_t count_ = 0;  // since then
};

}  // namespace hapair::vrrp
