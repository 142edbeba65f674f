// The kernel's packet filter.
#pragma once

#include <string>

#include "common/error.h"

namespace hapair::vrrp {

/// Carries out commands as nft(8) reads them, all or none. Blocks while the kernel works, which is longer
/// than a turn of the loop may take: on another thread. Needs CAP_NET_ADMIN.
Result<void> run_nft(const std::string& commands);

}  // namespace hapair::vrrp
