// Files that the configuration names: pages, certificates.
#pragma once

#include <string>

#include "common/error.h"

namespace hapair::proxy {

/// What a named file may be at most; it is kept in memory.
inline constexpr std::size_t kLargestNamedFile = 1024 * 1024;

/// The whole file; the error names it and the reason.
Result<std::string> read_named_file(const std::string& path);
/// `path` as `file` says it: a relative one counts from the folder of the file that says it.
std::string beside(const std::string& file, const std::string& path);

}  // namespace hapair::proxy
