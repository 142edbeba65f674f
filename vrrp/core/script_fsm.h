// Decides whether a tracked script counts as good or bad from how its runs end.
#pragma once

#include <optional>

#include "common/clock.h"
#include "vrrp/core/priority.h"

namespace hapair::vrrp {

/// Pure: the owner runs the command and brings the outcome and the time. The first outcome counts
/// at once in either direction, so that an election does not begin on a guess; later it takes
/// `rise` successes or `fall` failures in a row.
class ScriptFsm {
 public:
  struct Settings {
    Duration interval = std::chrono::seconds(1);  // from start to start
    int rise = 1;
    int fall = 1;
    bool begins_bad = false;  // instead of believing the first outcome
  };
  ScriptFsm(Settings settings, TimePoint now)
      : settings_(settings),
        verdict_(settings.begins_bad ? Verdict::Bad : Verdict::Unknown),
        next_run_(now) {}

  /// The owner has started the command. Nothing is due until it has ended.
  void on_run(TimePoint now);
  /// Returns the new verdict if this outcome changed it. A run that timed out has not succeeded.
  std::optional<Verdict> on_exit(bool succeeded, TimePoint now);

  /// Goes on with what was found before.
  void resume(Verdict verdict) { verdict_ = verdict; }

  Verdict verdict() const { return verdict_; }
  /// When to start the command again; kNever while it runs, so that runs never overlap.
  TimePoint next_run() const { return next_run_; }

 private:
  Settings settings_;
  Verdict verdict_;
  int streak_ = 0;  // outcomes in a row against the verdict
  TimePoint started_;
  TimePoint next_run_;
};

}  // namespace hapair::vrrp
