// What `show errors` tells of invalid messages.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/exchange/error_capture.h"

namespace hapair::admin {

/// HAProxy's number of a proxy or a server, -1 if there is none (any more).
struct Numbering {
  std::function<std::int64_t(std::string_view proxy)> proxy;
  std::function<std::int64_t(std::string_view backend, std::string_view server)> server;
};

/// "Total events captured on [21/Nov/2026:08:45:15.278] : 2", then each message: who sent it when,
/// what is wrong with it and where, and its bytes, up to 70 columns a line, with '\' before what
/// cannot be shown. A '+' after the offset continues a line.
void append_errors(std::string& out, std::span<const exchange::CapturedError> errors,
                   std::uint64_t events, WallTime now, const Numbering& numbers);

}  // namespace hapair::admin
