// What a probe of the virtual address has seen: every try, and what that says of the visitors.
#pragma once

#include <optional>
#include <vector>

#include "common/clock.h"

namespace hapair::ctl {

/// Pure. Tries are told in the order in which they began.
class ProbeRecord {
 public:
  /// A try that is no older may still be under way without being late.
  static constexpr Duration kLate = std::chrono::milliseconds(100);

  /// Answers its number.
  std::size_t begin(TimePoint now);
  void end(std::size_t number, bool good, TimePoint now);

  std::size_t tries() const { return tries_.size(); }
  std::size_t good() const;
  /// Tries that failed.
  std::size_t lost() const;
  /// Nothing was lost in the last `span`, something was good, and nothing is late.
  bool is_good_for(Duration span, TimePoint now) const;
  /// The longest time without a good answer between the first of them and `until`; all of it if
  /// there was none.
  Duration longest_gap(TimePoint until) const;
  /// The longest time between two tries: what the gap owes to whoever probes.
  Duration longest_pause() const;

 private:
  struct Try {
    TimePoint began{};
    std::optional<TimePoint> ended{};
    bool good = false;
  };
  std::vector<Try> tries_;
};

}  // namespace hapair::ctl
