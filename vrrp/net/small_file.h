// Reads a file that is meant to hold a word or a number.
#pragma once

#include <string>

#include "common/error.h"

namespace hapair::vrrp {

/// Its first 64 bytes at most. May wait for a disk: not for the loop's thread. Errc::NotFound if
/// there is no such file; whatever is not a regular file is an error and is not waited for.
Result<std::string> read_small_file(const std::string& path);

}  // namespace hapair::vrrp
