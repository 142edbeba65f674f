// Files that hold keys and passwords.
#pragma once

#include <string>
#include <string_view>

#include "common/error.h"

namespace hapair {

/// What is in the file, 64 KiB at most. One that others than its owner and group may read is
/// refused. `what` it is, for messages, which have nothing of it. Blocks.
Result<std::string> read_secret_file(const std::string& path, std::string_view what);
/// The same of a file with one line; without the line's end.
Result<std::string> read_secret_line(const std::string& path, std::string_view what);

}  // namespace hapair
