// Whether the access log that somebody asked for can be read anywhere.
#pragma once

#include <optional>

#include "common/config_reader.h"
#include "proxy/config/config.h"

namespace hapair::proxy {

/// The log level that hides every access log line of a frontend, if one does: at fault is `level` of
/// the first of its targets. The daemon warns of it; `hapair check` takes it for an error. `config` is what was read
/// from `document`.
std::optional<Diagnostic> find_hidden_access_log(const ConfigDocument& document,
                                                 const Config& config);

/// Where a frontend asks for an access log although there is no target at all; nothing if none does.
/// `log = "none"` is somebody's decision.
std::optional<SourceLocation> find_unsent_access_log(const ConfigDocument& document,
                                                     const Config& config);

}  // namespace hapair::proxy
