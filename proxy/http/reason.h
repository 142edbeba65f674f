// The usual words for a status (RFC 9110 section 15).
#pragma once

#include <string_view>

namespace hapair::http {

/// Empty for a status that has none: the phrase is optional (RFC 9112 section 4).
std::string_view reason_phrase(int status);

}  // namespace hapair::http
