// Smooth weighted round robin over the usable servers, exact across workers.
#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/balance/balancer.h"
#include "proxy/balance/rotation.h"

namespace hapair::balance {

/// One turn counter is shared by all workers, so that consecutive requests alternate wherever they
/// land.
class RoundRobin final : public Balancer {
 public:
  RoundRobin(const Farm& farm, unsigned workers);

  int pick(const PickInput& input) override;

 private:
  void on_change() override { rotation_.rebuild(farm_); }
  Rotation rotation_;
  alignas(64) std::atomic<std::uint64_t> turn_ = 0;
};

}  // namespace hapair::balance
