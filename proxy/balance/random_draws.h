// The least loaded of a few servers drawn at random.
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/balance/balancer.h"
#include "proxy/balance/rotation.h"

namespace hapair::balance {

/// Servers are drawn as often as their weight says. Workers share nothing but the servers.
class RandomDraws final : public Balancer {
 public:
  /// `draws` is at least 1; with 1 load does not count.
  RandomDraws(const Farm& farm, unsigned workers, unsigned draws);

  int pick(const PickInput& input) override;

 private:
  void on_change() override { rotation_.rebuild(farm_); }
  struct alignas(64) Dice {
    std::uint64_t state = 0;
  };
  std::uint64_t roll(unsigned worker);

  const unsigned draws_;
  Rotation rotation_;
  std::vector<Dice> dice_;  // as Rotation's readers
};

}  // namespace hapair::balance
