// The few primitives both daemons take from OpenSSL, behind one door.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hapair {

/// Equality of secrets. Takes the same time wherever they differ; only the lengths of the texts,
/// which the one who asks knows or gave, show in how long they take to hash.
bool constant_time_equal(std::string_view a, std::string_view b);

/// RFC 2104 with SHA-256.
std::array<std::uint8_t, 32> hmac_sha256(std::string_view key, std::string_view text);
/// RFC 2104 with MD5: only what others have agreed on with it (VRRP's authentication header).
std::array<std::uint8_t, 16> hmac_md5(std::string_view key, std::string_view text);

/// Fills `bytes` with what nobody can guess.
void fill_randomly(std::span<std::uint8_t> bytes);
template <std::size_t size>
std::array<std::uint8_t, size> random_bytes() {
  std::array<std::uint8_t, size> bytes;
  fill_randomly(bytes);
  return bytes;
}

}  // namespace hapair
