// Reads `[[global.log]]`, which both daemons obey.
#pragma once

#include <vector>

#include "common/config_reader.h"
#include "common/log.h"

namespace hapair {

/// The targets of `global.log`, mistakes reported. Empty when there is none.
std::vector<LogTarget> read_log_targets(TableReader& global);

}  // namespace hapair
