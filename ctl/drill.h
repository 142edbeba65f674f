// `hapair drill`: has the master fail on purpose, and sees from the other node what that costs.
#pragma once

#include "ctl/drill_options.h"
#include "ctl/drill_report.h"

namespace hapair::ctl {

/// Runs it, waits until the pair has settled and the daemon keeps the result: some seconds, a
/// minute and a half at most. An error tells why nothing was done, or what is not known of what
/// was. `options` has a kind.
Result<DrillReport> run_drill(const DrillOptions& options);

}  // namespace hapair::ctl
