// Turns around a schedule: what the algorithms that go around share.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "proxy/balance/schedule.h"
#include "proxy/balance/server.h"

namespace hapair::balance {

/// The first server from this turn on that has room and is not the one to avoid; that one if no
/// other takes new work; or kNoServer.
int next_with_room(const Farm& farm, const Schedule& schedule, std::uint64_t turn, int avoid);

/// The schedule of the day. The main thread replaces it; each worker keeps its own reference and
/// renews it when the version moved.
class Rotation {
 public:
  explicit Rotation(unsigned workers) : readers_(workers + 1) {}

  /// From the health and the weights of now. Main thread.
  void rebuild(const Farm& farm);
  /// Valid until this worker's next call.
  const Schedule& schedule_for(unsigned worker);

 private:
  struct alignas(64) Reader {
    std::uint64_t version = 0;
    std::shared_ptr<const Schedule> schedule;
  };

  std::vector<Reader> readers_;  // one a worker, the last one the main thread's
  std::mutex mutex_;             // guards current_
  std::shared_ptr<const Schedule> current_ = std::make_shared<const Schedule>();
  std::atomic<std::uint64_t> version_ = 1;
};

}  // namespace hapair::balance
