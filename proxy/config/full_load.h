// How many requests are full load for a backend.
#pragma once

#include "proxy/config/config.h"

namespace hapair::proxy {

/// Some of its requests go to the backend of this index in Config::backends.
bool leads_to(const Frontend& frontend, unsigned backend);

/// What the backend says (full_conn), or HAProxy's: a tenth of what the frontends in front of it may
/// let in, and at least 1. A frontend that does not say takes `maxconn`, the process's.
unsigned full_load(const Config& config, unsigned backend, unsigned maxconn);

}  // namespace hapair::proxy
