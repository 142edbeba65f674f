// Splits a command written as one string into its arguments, the way a shell would.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace hapair::vrrp {

/// Spaces separate; 'single', "double" quotes and backslashes protect. Nothing is expanded: what
/// only a shell could do (pipes, $variables, globs …) is refused with the way to ask for a shell.
Result<std::vector<std::string>> split_command(std::string_view text);

}  // namespace hapair::vrrp
