// Round robin by the configured weights alone.
#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/balance/balancer.h"
#include "proxy/balance/schedule.h"

namespace hapair::balance {

/// The round never changes: who cannot serve is passed over, and a weight that changes while
/// running counts only when it is 0.
class StaticRoundRobin final : public Balancer {
 public:
  explicit StaticRoundRobin(const Farm& farm);

  int pick(const PickInput& input) override;

 private:
  void on_change() override {}
  const Schedule active_;
  const Schedule backup_;
  alignas(64) std::atomic<std::uint64_t> turn_ = 0;
};

}  // namespace hapair::balance
