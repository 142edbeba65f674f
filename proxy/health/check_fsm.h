// Decides whether one server is healthy from the results of its probes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/clock.h"
#include "proxy/health/health.h"

namespace hapair::health {

using namespace std::chrono_literals;

enum class Probe : std::uint8_t {
  Fail,
  Pass,
  Conditional,  // well, but asks for no new work; of a server that is down it is a failure
};

/// What follows when live traffic went wrong too often: HAProxy's `on-error`. Each also brings the
/// next probe forward.
enum class Penalty : std::uint8_t {
  ProbeSooner,  // nothing else
  FailCheck,    // as one failed probe
  SuddenDeath,  // one more failure, of whatever kind, takes it down
  MarkDown,
};

/// Pure: the owner runs the probes and brings the results and the time.
class CheckFsm {
 public:
  struct Settings {
    Duration interval = 2s;
    Duration fast_interval{};  // while it is about to change; zero: interval
    Duration down_interval{};  // while down without a good probe; zero: interval
    int rise = 2;              // passes in a row that bring it up
    int fall = 3;              // failures in a row that take it down
    int spread = 0;            // percent by which intervals vary, both ways
  };
  /// The first probe is due at `first`: give servers different ones to spread the load.
  CheckFsm(Settings settings, TimePoint first);

  /// What is known already, by other checks of the same server, which had counted so many failures,
  /// or because somebody says so. Unknown says nothing.
  void assume(Health known, std::uint64_t failures = 0);

  /// Up, but the first failure takes it down.
  void assume_barely_up();

  /// After maintenance: down, and the next pass brings it up. Probe at once.
  void begin_again(TimePoint now);

  /// Returns the new health if this result changed it. The first result ever decides alone: one
  /// pass brings the server up, one failure takes it down. `took` is how long the probe ran, so
  /// that probes start one interval apart whatever they take.
  std::optional<Health> on_probe(Probe result, TimePoint now, Duration took = {});

  /// The traffic of a server spoke against it. Returns the new health if that changed it. The next
  /// probe is due after fast_interval, if there is one, or when it was due before.
  std::optional<Health> on_traffic_errors(Penalty penalty, TimePoint now);

  TimePoint next_probe() const { return next_probe_; }
  Health health() const { return health_; }
  /// The last probe that counted was Conditional.
  bool stopping() const { return stopping_; }

  /// "UP", "UP 2/3" (failures before it goes down), "DOWN 1/2" (passes so far), "DOWN". A server
  /// that is still unknown reads as "DOWN", since it takes no traffic.
  std::string status() const;

  /// HAProxy's check_health: 0 … rise + fall - 1; up from `rise` on.
  int lives() const { return lives_; }
  /// Failures that counted, i.e. of a server that was not plainly down already.
  std::uint64_t failures() const { return failures_; }
  void clear_failures() { failures_ = 0; }
  const Settings& settings() const { return settings_; }

 private:
  void lose_life();
  int full() const { return settings_.rise + settings_.fall - 1; }
  Duration interval() const;
  Duration spread(Duration interval);

  Settings settings_;
  Health health_ = Health::Unknown;
  bool stopping_ = false;
  int lives_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t dice_;  // goes round by itself, from where `first` put it
  TimePoint next_probe_;
};

}  // namespace hapair::health
