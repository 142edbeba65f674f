// Who listens on a port already.
#pragma once

#include <string>

#include "common/address.h"

namespace hapair::proxy {

/// "apache2 (pid 812)", or an empty string if /proc does not tell.
std::string port_holder(const SocketAddress& address);

/// "apache2 (pid 812)" of a process id; empty if there is none.
std::string process_name(long pid);

}  // namespace hapair::proxy
