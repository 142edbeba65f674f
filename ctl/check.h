// `hapair check`: everything that can be said about a configuration without running it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/config_reader.h"

namespace hapair::ctl {

/// Reads the document as a node sees it; an empty name is nobody's view.
using ReadDocument = std::function<ConfigDocument(std::string_view node, Diagnostics&)>;

/// Loads the document as every one of its nodes, with both daemons' loaders, and checks what must
/// hold between the nodes. A problem of some nodes only says which.
Diagnostics check_configuration(const ReadDocument& read);

/// The same for files.
Diagnostics check_files(std::span<const std::string> files);

}  // namespace hapair::ctl
