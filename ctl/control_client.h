// Asks a daemon's control socket, and waits for the answer.
#pragma once

#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/error.h"

namespace hapair::ctl {

/// What comes back for one line until the daemon hangs up: an answer for each of its commands, each
/// ended by an empty line. `where` is as `bind` names it: "unix:/path", "/path", "127.0.0.1:9650".
/// Blocks for `patience` at most. An error tells what to look at.
Result<std::string> ask_daemon(const std::string& where, std::string_view line, Duration patience);

/// As one word of a command. `text` has no line feed.
std::string quoted(std::string_view text);

}  // namespace hapair::ctl
