// The farm as rows of statistics, with the numbers HAProxy gives to proxies and servers.
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/runtime/snapshot.h"
#include "proxy/stats/counters.h"
#include "proxy/stats/row.h"

namespace hapair::proxy {

/// One proxy of the configuration: a frontend, a backend, or both at once for a [listen] section.
/// Proxies are numbered from 2 in this order (HAProxy's 1 is nobody's), servers of a backend from 1.
struct NumberedProxy {
  std::int64_t id = 0;
  const FrontendState* frontend = nullptr;
  BackendState* backend = nullptr;

  const std::string& name() const { return frontend ? frontend->config.name : backend->config.name; }
};
std::vector<NumberedProxy> numbered_proxies(const Snapshot& snapshot);

/// Addresses, cookies and algorithms are an operator's business.
enum class Detail { Public, Operator };

/// A row a frontend, server and backend, in the order of numbered_proxies(). Any thread.
std::vector<stats::Row> farm_rows(const Snapshot& snapshot, TimePoint now, Detail detail);

}  // namespace hapair::proxy
