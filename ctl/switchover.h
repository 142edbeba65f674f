// `hapair switchover`: has the other node take over.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/error.h"

namespace hapair::ctl {

/// What a daemon says to "switchover". Pure.
struct Asked {
  std::vector<std::string> instances;  // that the other node was asked to take
  std::string other;                   // the node that was asked
  std::string refusals;                // everything else, lines
};
Asked read_asked(std::string_view answer);

/// What a daemon says to "show instance NAME". Pure.
struct Role {
  bool is_master = false;
  std::string master;    // the node that is, as far as it knows; empty: none that has a name
  std::string handover;  // how the last one went; empty: there was none
};
/// Nothing: this is no such answer.
std::optional<Role> read_role(std::string_view answer, std::string_view instance);

struct Switchover {
  std::string text;      // what happened, lines
  bool is_done = false;  // everything that was asked for has moved
};
/// Asks the daemon to hand `instance` over (empty: all that it is master of), and waits until the
/// other node is master. Blocks for little more than `limit` at most.
Result<Switchover> switch_over(const std::string& socket, std::string_view instance,
                               Duration limit);

}  // namespace hapair::ctl
