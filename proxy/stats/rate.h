// How many events the last second had.
#pragma once

#include <atomic>
#include <cstdint>

#include "common/clock.h"

namespace hapair::stats {

/// Counts in whole seconds of the steady clock; in between, the previous second counts with the
/// part of it that is less than a second ago. One thread writes, any reads (a reader may see the
/// turn of a second half done: the figure is for people).
class EventRate {
 public:
  void count(TimePoint now, std::uint64_t n = 1);
  std::uint64_t per_second(TimePoint now) const;
  /// The most that one whole second had so far.
  std::uint64_t peak() const;
  /// By the thread that counts.
  void clear_peak() { peak_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> second_ = INT64_MIN;
  std::atomic<std::uint64_t> current_ = 0;
  std::atomic<std::uint64_t> previous_ = 0;
  std::atomic<std::uint64_t> peak_ = 0;
};

}  // namespace hapair::stats
