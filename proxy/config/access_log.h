// Whether the access log that somebody asked for can be read anywhere.
#pragma once

#include <optional>

#include "common/config_reader.h"
#include "proxy/config/config.h"

namespace hapair::proxy {

/// The log level that hides every access log line, if one does: at fault is `level` of the first
/// target. The daemon warns of it; `hapair check` takes it for an error. `config` is what was read
/// from `document`.
std::optional<Diagnostic> find_hidden_access_log(const ConfigDocument& document,
                                                 const Config& config);

/// Where the first frontend with an access log asks for it; nothing if none does.
std::optional<SourceLocation> find_access_log(const ConfigDocument& document, const Config& config);

}  // namespace hapair::proxy
