// What `show sess` tells about clients' connections.
#pragma once

#include <span>
#include <string>

#include "common/clock.h"
#include "proxy/runtime/session_view.h"

namespace hapair::admin {

/// A line for each: "0x1: proto=tcpv4 src=… fe=… be=… srv=… ts=00 age=1s state=… exp=… rc=0".
void append_sessions(std::string& out, std::span<const proxy::SessionView> sessions, TimePoint now);

/// Several lines for each.
void append_session_details(std::string& out, std::span<const proxy::SessionView> sessions,
                            TimePoint now, WallTime wall);

}  // namespace hapair::admin
