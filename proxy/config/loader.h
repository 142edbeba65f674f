// From the configuration document to the proxy's Config, with every mistake reported.
#pragma once

#include <optional>

#include "common/config_reader.h"
#include "proxy/config/config.h"

namespace hapair::proxy {

/// The proxy's part of the document: global, defaults, frontend, backend, listen. Sections of the
/// VRRP daemon (vrrp, pair, alert) are known by name and left to it. Nothing if there were errors.
std::optional<Config> load_config(const ConfigDocument& document, Diagnostics& diagnostics);

/// Only what is wrong in [global], of which a file for the election alone may have one too.
void judge_global(const ConfigDocument& document, Diagnostics& diagnostics);

}  // namespace hapair::proxy
