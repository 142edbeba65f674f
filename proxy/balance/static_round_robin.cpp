#include "proxy/balance/static_round_robin.h"

#include "proxy/balance/rotation.h"

namespace hapair::balance {

StaticRoundRobin::StaticRoundRobin(const Farm& farm)
    : farm_(farm), schedule_(configured_weights(farm)) {}

int StaticRoundRobin::pick(const PickInput& input) {
  if (schedule_.empty()) return kNoServer;
  const std::uint64_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  return next_with_room(farm_, schedule_, turn, input.avoid);
}

}  // namespace hapair::balance
