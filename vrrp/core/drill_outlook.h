// How an instance stands for a drill, as one daemon tells whoever runs it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "vrrp/core/effect.h"

namespace hapair::vrrp {

struct DrillOutlook {
  /// A change of state, by this node's clock.
  struct Event {
    WallTime at{};  // whole milliseconds
    State to = State::Initialize;
    std::string text;
    friend bool operator==(const Event&, const Event&) = default;
  };

  std::string instance;
  std::string address;  // the first virtual one
  std::string node;
  State state = State::Initialize;
  std::string trouble;       // why it cannot serve
  std::string other;         // empty: the nodes do not speak with each other
  bool other_heard = false;  // the rest of the other is only known then
  std::optional<State> other_state{};
  bool other_fit = false;
  bool allowed = false;  // by the file, here
  bool is_quiet = true;  // no handover is under way
  bool is_busy = false;  // a drill is

  // Of the last drill.
  std::uint64_t id = 0;
  std::string step;                    // "idle", "asked", "begun", "over", "refused"
  std::string why;                     // refused
  std::vector<Event> own{}, theirs{};  // oldest first

  friend bool operator==(const DrillOutlook&, const DrillOutlook&) = default;
};

/// Why no drill can begin from this node, and what to do about it; empty: it can.
std::string why_no_drill(const DrillOutlook& outlook);
/// One of the two is master, and the other could be.
bool is_settled(const DrillOutlook& outlook);

/// Lines of "key value".
std::string write(const DrillOutlook& outlook);
/// Nothing: it is none. Lines it does not know are passed over.
std::optional<DrillOutlook> read_drill_outlook(std::string_view text);

}  // namespace hapair::vrrp
