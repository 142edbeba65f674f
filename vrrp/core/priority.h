// What all that a node tracks makes of its priority.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "vrrp/core/advert.h"

namespace hapair::vrrp {

enum class Verdict { Unknown, Good, Bad };

/// One thing that is tracked, as the priority sees it.
struct Tracked {
  int weight = 0;
  Verdict verdict = Verdict::Unknown;
};

/// What it adds to the priority: a positive weight while good, a negative one while not. What is
/// not known yet counts as bad: a guess must not make a master.
inline int contribution(const Tracked& one) {
  const bool good = one.verdict == Verdict::Good;
  return good == (one.weight > 0) ? one.weight : 0;
}

/// `base` plus what each adds. Stays within 1..254: 0 would
/// resign, 255 would claim to own the addresses. An owner (base 255) is never changed (RFC 3768
/// section 5.3.4).
inline std::uint8_t effective_priority(int base, std::span<const Tracked> tracked) {
  if (base == kOwner) return kOwner;
  int sum = base;
  for (const Tracked& one : tracked) sum += contribution(one);
  return static_cast<std::uint8_t>(std::clamp(sum, 1, 254));
}

/// What has weight 0 does not shift the priority: unless it is good, the node cannot be master.
inline bool fit_to_serve(std::span<const Tracked> tracked) {
  return std::ranges::none_of(tracked, [](const Tracked& one) {
    return one.weight == 0 && one.verdict != Verdict::Good;
  });
}

}  // namespace hapair::vrrp
