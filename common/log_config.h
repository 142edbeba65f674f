// Reads `[[global.log]]`, which both daemons obey, and tables like it.
#pragma once

#include <optional>
#include <vector>

#include "common/config_reader.h"
#include "common/log.h"

namespace hapair {

/// One target's table. Nothing if it does not say where lines go.
std::optional<LogTarget> read_log_target(TableReader& table);

/// The targets of `global.log`, mistakes reported. Empty when there is none.
std::vector<LogTarget> read_log_targets(TableReader& global);

}  // namespace hapair
