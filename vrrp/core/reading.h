// What a tracker has found, and what an instance makes of it.
#pragma once

#include <optional>

#include "vrrp/core/priority.h"

namespace hapair::vrrp {

struct Reading {
  bool is_number = false;  // a file's; everything else is good or bad
  bool is_known = false;
  int level = 0;  // the number; else 1 for good, 0 for bad
  friend bool operator==(const Reading&, const Reading&) = default;

  static Reading of(Verdict verdict) {
    return {.is_known = verdict != Verdict::Unknown, .level = verdict == Verdict::Good ? 1 : 0};
  }
  static Reading of(std::optional<int> number) {
    return {.is_number = true, .is_known = number.has_value(), .level = number.value_or(0)};
  }
};

/// The product of a number and its weight that means FAULT, and whatever is below it: as keepalived
/// has it.
inline constexpr int kFaultProduct = -254;

/// `reverse` turns good into bad, and the sign of a number. A number is added `weight` times; one
/// of weight 0 is good while it is 0. What is not known yet is as bad as it can be: of a number, a
/// FAULT.
inline Tracked weigh(const Reading& reading, int weight, bool reverse) {
  const auto judge = [&](int shift, bool good) {
    return Tracked{.weight = shift, .verdict = good != reverse ? Verdict::Good : Verdict::Bad};
  };
  if (!reading.is_known) return {.weight = reading.is_number ? 0 : weight};
  if (!reading.is_number) return judge(weight, reading.level != 0);
  if (weight == 0) return judge(0, reading.level == 0);
  const int product = reading.level * weight * (reverse ? -1 : 1);
  if (product <= kFaultProduct) return {.weight = 0, .verdict = Verdict::Bad};
  return {.weight = product, .verdict = product < 0 ? Verdict::Bad : Verdict::Good};
}

}  // namespace hapair::vrrp
