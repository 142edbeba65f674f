// Hears what a socket has, but never for longer than a turn may take.
#pragma once

#include <utility>

namespace hapair::vrrp {

/// A turn ends after this many packets, so that a flood cannot mute timers, signals and watchdog.
inline constexpr int kPacketsATurn = 256;

/// Gives `hear` what `next` (an optional packet) brings. Answers whether there may be more.
template <typename Next, typename Hear>
bool drain(Next&& next, Hear&& hear) {
  for (int packets = 0; packets < kPacketsATurn; ++packets) {
    auto packet = next();
    if (!packet) return false;
    hear(*std::move(packet));
  }
  return true;
}

}  // namespace hapair::vrrp
