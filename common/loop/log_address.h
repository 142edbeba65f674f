// Where a log target's socket connects to.
#pragma once

#include <sys/socket.h>

#include "common/log.h"

namespace hapair {

/// Fills `out` and returns the length the kernel wants. Only of targets that are sockets.
socklen_t log_address(const LogTarget& target, sockaddr_storage& out);

}  // namespace hapair
