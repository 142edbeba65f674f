// The number in a tracked file.
#pragma once

#include <string_view>

#include "common/error.h"

namespace hapair::vrrp {

/// As far as a file's value may go, either way.
inline constexpr int kMostFileValue = 2000;

/// A whole number with a sign or none, and white space around it. An error says what the text is
/// instead; Errc::NotFound: nothing at all, as while somebody is writing it.
Result<int> parse_file_value(std::string_view text);

}  // namespace hapair::vrrp
