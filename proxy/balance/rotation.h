// Turns around a schedule: what the algorithms that go around share.
#pragma once

#include <cstdint>

#include "proxy/balance/published.h"
#include "proxy/balance/schedule.h"
#include "proxy/balance/server.h"

namespace hapair::balance {

/// The first server from this turn on that has room and is none to avoid; one of those if no
/// other takes new work; or kNoServer.
int next_with_room(const Farm& farm, const Schedule& schedule, std::uint64_t turn,
                   const Avoided& avoid);

/// The schedule of the day.
class Rotation {
 public:
  explicit Rotation(unsigned workers) : schedule_(workers) {}

  /// From the health and the weights of now. Main thread.
  void rebuild(const Farm& farm);
  /// Valid until this worker's next call.
  const Schedule& schedule_for(unsigned worker) { return schedule_.read(worker); }

 private:
  Published<Schedule> schedule_;
};

}  // namespace hapair::balance
