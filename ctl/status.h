// `hapair status`: how this node's VRRP daemon stands.
#pragma once

#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/error.h"

namespace hapair::ctl {

struct Status {
  std::string text;      // or JSON
  bool is_well = false;  // every instance is master, or follows one that lives
};

/// Takes apart what a daemon says to "show health;show status", with or without "json". Pure.
Result<Status> read_status(std::string_view answer);

/// Asks the daemon. Blocks for a few seconds at most.
Result<Status> ask_status(const std::string& socket, bool json);

}  // namespace hapair::ctl
