// Reads a file that is meant to hold a word or a number.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "common/error.h"

namespace hapair::vrrp {

/// What was found, of a fixed size: it can be read on one thread and looked at on another that
/// share nothing else.
struct SmallFile {
  std::array<char, 64> bytes{};
  std::size_t size = 0;
  int error = 0;  // an errno value: it cannot be read
  bool is_regular = true;

  /// Its first 64 bytes at most. Errc::NotFound if there was no such file; whatever is not a
  /// regular file is an error.
  Result<std::string> text(const std::string& path) const;
};

/// May wait for a disk: not for the loop's thread. Nothing but a regular file is waited for, and
/// nothing is allocated.
SmallFile read_small_file(const std::string& path);

}  // namespace hapair::vrrp
