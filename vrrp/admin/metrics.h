// The daemon's figures as Prometheus reads them (text format 0.0.4).
#pragma once

#include <string>
#include <string_view>

#include "vrrp/admin/status_report.h"

namespace hapair::vrrp {

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// What keepalived's exporters know by their names, so that dashboards go on working, and ours.
std::string metrics(const StatusReport& report);

}  // namespace hapair::vrrp
