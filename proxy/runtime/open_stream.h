// Begins a TCP connection to a server.
#pragma once

#include <optional>

#include "common/address.h"

namespace hapair::proxy {

/// A non-blocking socket whose connection to `to` is under way, from `source` if given. -1 and an
/// errno if the kernel refused at once.
int open_stream(const SocketAddress& to, const std::optional<IpAddress>& source, int& error_number);

}  // namespace hapair::proxy
