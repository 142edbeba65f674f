// Puts totals into the columns of a row.
#pragma once

#include "proxy/stats/counters.h"
#include "proxy/stats/row.h"

namespace hapair::stats {

/// Columns that come from counters alone. `http`: response classes and requests too, which stay
/// empty for TCP, as HAProxy leaves them. What else a row says (names, status, queue, sessions,
/// checks, ids) is the caller's.
void fill(Row& row, const FrontendTotals& totals, bool http);
void fill(Row& row, const ServerTotals& totals, bool http, TimePoint now);
/// Like a server's; a backend also counts denied requests and all requests.
void fill_backend(Row& row, const BackendTotals& totals, bool http, TimePoint now);

}  // namespace hapair::stats
