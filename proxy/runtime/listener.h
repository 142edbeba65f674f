// Listening sockets: one for every address and worker.
#pragma once

#include <vector>

#include "common/address.h"
#include "common/error.h"

namespace hapair::proxy {

/// Opens `count` sockets that share `address` (the kernel spreads connections over them). Free
/// bind: a standby listens on an address it does not hold yet. An address that somebody else
/// listens on is an error that names the process, if the kernel tells.
Result<std::vector<int>> open_listeners(const SocketAddress& address, unsigned count, int backlog);

}  // namespace hapair::proxy
