// An answer that stands in the configuration: a status, fields and a body.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hapair::proxy {

/// Read from its file when the configuration is loaded: neither deletion nor chroot takes it away.
struct FixedAnswer {
  int status = 200;
  std::string reason;  // of the status line; empty: the usual one
  std::vector<std::pair<std::string, std::string>> fields;  // without framing and Connection
  std::string body;
};

/// By status: what takes the place of the built-in page.
using ErrorFiles = std::map<int, FixedAnswer>;

/// Those that have a built-in page, and so can be a denial's.
inline constexpr std::array<int, 10> kDenialStatuses = {400, 403, 404, 410, 421,
                                                        429, 500, 502, 503, 504};

/// Page and error files are no larger than this many bytes.

}  // namespace hapair::proxy
