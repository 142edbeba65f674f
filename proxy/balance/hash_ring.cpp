#include "proxy/balance/hash_ring.h"

#include <algorithm>

#include "proxy/balance/mix.h"

namespace hapair::balance {
namespace {

constexpr std::uint64_t kPlace = 0xffffffff00000000;  // of a point or a key: the upper half

std::uint64_t hash_of_name(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return mix(hash);
}

}  // namespace

HashRing::HashRing(std::span<const Share> shares) {
  std::size_t total = 0;
  for (const Share& share : shares) total += share.points;
  points_.reserve(total);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    std::uint64_t place = hash_of_name(shares[i].name);
    for (unsigned point = 0; point < shares[i].points; ++point)
      points_.push_back((mix(place += kGolden) & kPlace) | i);
  }
  std::sort(points_.begin(), points_.end());
}

std::size_t HashRing::first_of(std::uint64_t key) const {
  // Mixed once more: a key that is a plain small number has nothing in its upper half.
  const auto found = std::lower_bound(points_.begin(), points_.end(), mix(key) & kPlace);
  return found == points_.end() ? 0 : static_cast<std::size_t>(found - points_.begin());
}

}  // namespace hapair::balance
