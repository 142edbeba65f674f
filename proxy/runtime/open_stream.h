// Begins a connection to a server.
#pragma once

#include <optional>

#include "common/address.h"
#include "proxy/config/approach.h"

namespace hapair::proxy {

/// A non-blocking socket whose connection to `to`, or to the approach's Unix socket, is under way.
/// Of a range of source ports, one that is free for this destination. -1 and an errno if the kernel
/// refused at once. `hold_ack` keeps back the packet that completes the handshake, for as long as we
/// send nothing (at most 200 ms): for who talks first, or not at all.
int open_stream(const SocketAddress& to, const Approach& approach, int& error_number,
                bool hold_ack = false);

}  // namespace hapair::proxy
