#include "proxy/balance/slow_start.h"

#include <algorithm>

namespace hapair::balance {

unsigned SlowStart::warmth(TimePoint now, unsigned whole) const {
  if (length_ <= Duration::zero() || now - began_ >= length_) return whole;
  const double share = std::max(0.0, static_cast<double>((now - began_).count()) /
                                         static_cast<double>(length_.count()));
  return std::clamp(static_cast<unsigned>(share * whole), 1u, whole);
}

TimePoint SlowStart::next_step(TimePoint now, unsigned whole) const {
  const unsigned warm = warmth(now, whole);
  if (warm == whole) return kNever;
  // A moment later than exactly: rounded down, the step would not be there yet.
  return began_ + (length_ / whole + Duration(1)) * (warm + 1);
}

}  // namespace hapair::balance
