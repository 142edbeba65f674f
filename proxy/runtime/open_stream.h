// Begins a TCP connection to a server.
#pragma once

#include <optional>

#include "common/address.h"

namespace hapair::proxy {

/// A non-blocking socket whose connection to `to` is under way, from `source` if given. -1 and an
/// errno if the kernel refused at once. `hold_ack` keeps back the packet that completes the
/// handshake, for as long as we send nothing (at most 200 ms): for who talks first, or not at all.
int open_stream(const SocketAddress& to, const std::optional<IpAddress>& source, int& error_number,
                bool hold_ack = false);

}  // namespace hapair::proxy
