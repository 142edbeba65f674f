// `hapair keygen`: makes the pair's keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/error.h"

namespace hapair::ctl {

/// A new file, mode 0600, with one key. One that is there already stays as it is.
Result<void> make_key_file(const std::string& path, std::uint8_t id);

/// Writes another key behind those of a file, and answers its id. Without `id` it is the lowest
/// that is free.
Result<std::uint8_t> add_key(const std::string& path, std::optional<std::uint8_t> id);

}  // namespace hapair::ctl
