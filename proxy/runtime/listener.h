// Listening sockets: one for every address and worker.
#pragma once

#include <vector>

#include "common/address.h"
#include "common/error.h"

namespace hapair::proxy {

/// An error if somebody listens on `address`, with that process's name if the kernel tells. Ask for
/// every address before opening the first: a wildcard and one address on its port go together only
/// among our own.
Result<void> check_free(const SocketAddress& address);

/// Opens `count` sockets that share `address` (the kernel spreads connections over them). Free
/// bind: a standby listens on an address it does not hold yet.
Result<std::vector<int>> open_listeners(const SocketAddress& address, unsigned count, int backlog);

}  // namespace hapair::proxy
