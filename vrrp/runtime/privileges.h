// What the daemon must be allowed to do, asked before the kernel refuses it.
#pragma once

#include "common/error.h"

namespace hapair::vrrp {

/// CAP_NET_ADMIN (addresses) and CAP_NET_RAW (adverts, gratuitous ARP) must be in force; the error
/// names those that are not, and how to get them.
Result<void> check_privileges();

/// Whether scripts can run as another user: CAP_SETUID and CAP_SETGID to become it, CAP_KILL to end
/// one that hangs.
bool may_become_others();

}  // namespace hapair::vrrp
