// How a server that comes back gets its load again: a little at first, all of it after a while.
#pragma once

#include "common/clock.h"

namespace hapair::balance {

/// A straight line from almost nothing to everything. Warmth is 1 … the whole, see Server::kWarm.
class SlowStart {
 public:
  SlowStart() = default;  // warm
  SlowStart(TimePoint began, Duration length) : began_(began), length_(length) {}

  unsigned warmth(TimePoint now, unsigned whole) const;
  /// When warmth has grown by a step; kNever once it is whole.
  TimePoint next_step(TimePoint now, unsigned whole) const;

 private:
  TimePoint began_{};
  Duration length_{};
};

}  // namespace hapair::balance
