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
  /// The farm must outlive it.
  explicit StaticRoundRobin(const Farm& farm);

  int pick(const PickInput& input) override;
  void rebuild() override {}

 private:
  const Farm& farm_;
  const Schedule schedule_;
  alignas(64) std::atomic<std::uint64_t> turn_ = 0;
};

}  // namespace hapair::balance
