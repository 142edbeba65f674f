// The few primitives both daemons take from OpenSSL, behind one door.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace hapair {

/// Equality of secrets. Takes the same time wherever they differ; only the lengths of the texts,
/// which the one who asks knows or gave, show in how long they take to hash.
bool constant_time_equal(std::string_view a, std::string_view b);

/// RFC 2104 with SHA-256.
std::array<std::uint8_t, 32> hmac_sha256(std::string_view key, std::string_view text);

}  // namespace hapair
