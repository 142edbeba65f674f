// Smooth weighted round robin over the usable servers, exact across workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "proxy/balance/balancer.h"
#include "proxy/balance/schedule.h"
#include "proxy/balance/server.h"

namespace hapair::balance {

/// One turn counter is shared by all workers, so that consecutive requests alternate wherever they
/// land. Each worker keeps its own reference to the schedule and renews it when the version moved.
class RoundRobin final : public Balancer {
 public:
  /// The farm must outlive it. Builds the first schedule.
  RoundRobin(const Farm& farm, unsigned workers);

  int pick(const PickInput& input) override;
  void rebuild() override;

 private:
  struct alignas(64) Reader {
    std::uint64_t version = 0;
    std::shared_ptr<const Schedule> schedule;
  };
  const Schedule& schedule_for(unsigned worker);

  const Farm& farm_;
  std::vector<Reader> readers_;  // one a worker, the last one the main thread's
  std::mutex mutex_;             // guards current_
  std::shared_ptr<const Schedule> current_;
  std::atomic<std::uint64_t> version_ = 0;
  alignas(64) std::atomic<std::uint64_t> turn_ = 0;
};

}  // namespace hapair::balance
