#include "proxy/exchange/key_hash.h"

#include <algorithm>
#include <array>

#include "common/text.h"
#include "proxy/balance/mix.h"

namespace hapair::exchange {
namespace {

using Function = proxy::Balance::HashFunction;

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::string_view kNobodysSecret = "hapair";

template <typename Value, typename Step>
Value fold(std::string_view bytes, Value value, Step step) {
  for (const char c : bytes) value = step(value, static_cast<Value>(static_cast<unsigned char>(c)));
  return value;
}

std::uint64_t fnv1a(std::string_view bytes) {
  return fold<std::uint64_t>(bytes, 0xcbf29ce484222325,
                             [](auto hash, auto byte) { return (hash ^ byte) * 0x100000001b3; });
}

/// IEEE 802.3, reflected.
std::uint32_t crc32(std::string_view bytes) {
  const auto step = [](std::uint32_t crc, std::uint32_t byte) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
    return crc;
  };
  return ~fold<std::uint32_t>(bytes, ~0u, step);
}

}  // namespace

KeyHash::KeyHash(Function function, std::string_view secret)
    : function_(function), key_(sip_key_from(secret.empty() ? kNobodysSecret : secret)) {}

std::optional<std::uint64_t> KeyHash::of(std::string_view bytes) const {
  // The old functions leave neighbours close together: what they give is spread once more.
  switch (function_) {
    case Function::SipHash: return siphash(key_, bytes);
    case Function::Fnv1a: return balance::mix(fnv1a(bytes));
    case Function::Sdbm:
      return balance::mix(fold<std::uint32_t>(
          bytes, 0, [](auto hash, auto byte) { return byte + (hash << 6) + (hash << 16) - hash; }));
    case Function::Djb2:
      return balance::mix(fold<std::uint32_t>(
          bytes, 5381, [](auto hash, auto byte) { return (hash << 5) + hash + byte; }));
    case Function::Crc32: return balance::mix(crc32(bytes));
    case Function::None: return parse_number<std::uint64_t>(bytes);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> KeyHash::of(const IpAddress& address, unsigned mask,
                                         unsigned mask6) const {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = address.size();
  const std::uint8_t* from = address.data();
  if (address.is_v6() && std::equal(kMapped.begin(), kMapped.end(), from)) {
    from += kMapped.size();
    size -= kMapped.size();
  }
  unsigned bits = size == 4 ? mask : mask6;
  for (std::size_t i = 0; i < size && bits > 0; ++i) {
    const unsigned here = std::min(bits, 8u);
    bytes[i] = static_cast<std::uint8_t>(from[i] & (0xff00u >> here));
    bits -= here;
  }
  if (function_ != Function::None)
    return of(std::string_view(reinterpret_cast<const char*>(bytes.data()), size));
  std::uint64_t number = 0;  // the address as a number, its last eight bytes if it is longer
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | bytes[i];
  return number;
}

}  // namespace hapair::exchange
