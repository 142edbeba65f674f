// From the configuration document to the VRRP daemon's Config, with every mistake reported.
#pragma once

#include <optional>

#include "common/config_reader.h"
#include "vrrp/config/config.h"

namespace hapair::vrrp {

/// The VRRP daemon's part of the document: vrrp, global.log and this node's address. Sections of
/// the proxy (defaults, frontend, backend, listen) are known by name and left to it. A document
/// without instances loads: whether that is enough is for the program to say. Nothing if there were
/// errors.
std::optional<Config> load_config(const ConfigDocument& document, Diagnostics& diagnostics);

}  // namespace hapair::vrrp
