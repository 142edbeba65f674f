// Spreads the bits of a number over all of it.
#pragma once

#include <cstdint>

namespace hapair::balance {

/// Steele, Lea and Flood's splitmix64: fed with a counter in steps of kGolden, a random sequence.
inline constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace hapair::balance
