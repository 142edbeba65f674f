// SipHash-2-4 (Aumasson and Bernstein): a short hash that nobody without the key can steer.
#pragma once

#include <cstdint>
#include <string_view>

namespace hapair {

struct SipKey {
  std::uint64_t low = 0;  // the key's first eight bytes, little-endian
  std::uint64_t high = 0;
};

/// The same on every machine.
std::uint64_t siphash(const SipKey& key, std::string_view bytes);

/// A key from a text of any length: who knows the text knows the key.
SipKey sip_key_from(std::string_view text);

}  // namespace hapair
