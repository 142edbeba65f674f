// Which TCP connections live on this host.
#pragma once

#include <vector>

#include "common/address.h"
#include "common/error.h"
#include "vrrp/core/forward_rules.h"

namespace hapair::vrrp {

/// Those to one of `addresses` that are not over; listeners and what only waits for its time to pass are
/// none. Asks the kernel for all it has: with a hundred thousand of them that takes a while.
Result<std::vector<Connection>> list_connections(const std::vector<IpAddress>& addresses);

}  // namespace hapair::vrrp
