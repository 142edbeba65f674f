#include "proxy/balance/source_hash.h"

#include <algorithm>
#include <array>
#include <span>

#include "proxy/balance/mix.h"

namespace hapair::balance {
namespace {

// Throws of the dice after which the next in the round is as good: with half of the servers down,
// one client in four thousand million gets that far.
constexpr unsigned kThrows = 32;

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::uint64_t hash_of(const IpAddress& address) {
  std::span bytes(address.data(), address.size());
  if (address.is_v6() && std::equal(kMapped.begin(), kMapped.end(), bytes.begin()))
    bytes = bytes.subspan(kMapped.size());
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return mix(hash);
}

SourceHash::SourceHash(const Farm& farm) : farm_(farm), map_(configured_weights(farm)) {}

int SourceHash::tie(const PickInput& input) {
  if (map_.empty()) return kNoServer;
  const auto serves = [&](int server) {
    return server != input.avoid && farm_[static_cast<std::size_t>(server)]->usable();
  };
  std::uint64_t hash = hash_of(input.client);
  for (unsigned i = 0; i < kThrows; ++i, hash = mix(hash + kGolden))
    if (const int server = map_.at(hash); serves(server)) return server;
  hash %= map_.size();
  for (std::size_t i = 0; i < map_.size(); ++i)
    if (const int server = map_.at(hash + i); serves(server)) return server;
  const bool only_one = input.avoid != kNoServer;
  return only_one && farm_[static_cast<std::size_t>(input.avoid)]->usable() ? input.avoid
                                                                            : kNoServer;
}

int SourceHash::pick(const PickInput& input) {
  const int server = tie(input);
  return server != kNoServer && farm_[static_cast<std::size_t>(server)]->has_room() ? server
                                                                                    : kNoServer;
}

}  // namespace hapair::balance
