// What `show servers state` tells: HAProxy's file of server states, version 1.
#pragma once

#include <string>
#include <string_view>

#include "proxy/admin/farm_rows.h"

namespace hapair::admin {

/// The version, the names of the columns, and a line for each server. False, and nothing written,
/// if `backend` names none; empty: all.
bool append_server_states(std::string& out, const proxy::Snapshot& snapshot,
                          std::string_view backend, TimePoint now);

}  // namespace hapair::admin
