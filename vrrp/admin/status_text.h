// What `show …` says to people.
#pragma once

#include <string>

#include "vrrp/admin/status_report.h"

namespace hapair::vrrp {

/// A line about the daemon, and a block for each instance. No line is empty.
std::string status_text(const StatusReport& report);
/// The block of one.
std::string instance_text(const InstanceReport& instance);
/// "ok", or what is wrong, a line each.
std::string health_text(const StatusReport& report);
/// Oldest first.
std::string history_text(const History& history);
/// Every counter of every instance, a line each.
std::string counters_text(const StatusReport& report);

}  // namespace hapair::vrrp
