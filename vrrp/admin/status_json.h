// What `show … json` says to programs. docs/status.md names the keys; they do not change.
#pragma once

#include <string>

#include "vrrp/admin/status_report.h"

namespace hapair::vrrp {

std::string status_json(const StatusReport& report);
std::string instance_json(const InstanceReport& instance);
/// Oldest first.
std::string history_json(const History& history);
std::string counters_json(const StatusReport& report);

}  // namespace hapair::vrrp
