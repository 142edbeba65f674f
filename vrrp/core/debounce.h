// Believes in a change of what comes and goes only when it lasts.
#pragma once

#include <optional>

#include "common/clock.h"
#include "vrrp/core/priority.h"

namespace hapair::vrrp {

/// Pure: the owner brings how it is, and the time, and calls on_deadline when deadline() has come.
class Debounce {
 public:
  struct Settings {
    Duration up_delay{};    // so long it must be there to count as good
    Duration down_delay{};  // so long it must be gone to count as bad
    friend bool operator==(const Settings&, const Settings&) = default;
  };
  explicit Debounce(Settings settings) : settings_(settings) {}

  /// How it is now. Returns the new verdict if this changed it. The first time counts at once, so
  /// that an election does not begin on a guess.
  std::optional<Verdict> on_state(bool there, TimePoint now);
  std::optional<Verdict> on_deadline(TimePoint now);

  Verdict verdict() const { return verdict_; }
  TimePoint deadline() const { return deadline_; }

 private:
  Settings settings_;
  Verdict verdict_ = Verdict::Unknown;
  TimePoint deadline_ = kNever;  // when the change that goes on now counts
};

}  // namespace hapair::vrrp
