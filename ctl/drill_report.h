// What a drill has cost, and whether that was within its limit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "ctl/probe_record.h"
#include "vrrp/core/drill.h"
#include "vrrp/core/drill_outlook.h"

namespace hapair::ctl {

/// Of the longest gap.
Duration usual_limit(vrrp::drill::Kind kind);

struct DrillReport {
  struct Event {
    std::string node;
    Duration after{};  // it was asked for
    std::string text;
  };

  std::string drill, instance, node, other, probe;
  Duration limit{};
  bool only_connects = false;                    // the probe
  std::optional<Duration> detected, taken_over;  // after it was asked for
  Duration longest_gap{}, longest_pause{};
  std::size_t tries = 0, lost = 0;
  std::optional<Duration> settled;  // after it was asked for; nothing: not within the time it had
  std::vector<Event> events;        // of both nodes, in their order

  /// What was not as it should be, a line each; none: it passed.
  std::vector<std::string> failures() const;
};

/// Takes from the daemon's account what happened since `asked`.
void take_events(DrillReport& report, const vrrp::DrillOutlook& outlook, WallTime asked);

/// For people.
std::string drill_text(const DrillReport& report);
/// docs/drill.md names the keys; they do not change.
std::string drill_json(const DrillReport& report);
/// For the history.
std::string drill_line(const DrillReport& report);
/// What drills there are.
std::string drill_list();

}  // namespace hapair::ctl
