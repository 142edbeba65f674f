#include "proxy/balance/static_round_robin.h"

#include "proxy/balance/rotation.h"

namespace hapair::balance {

StaticRoundRobin::StaticRoundRobin(const Farm& farm)
    : Balancer(farm),
      active_(configured_weights(farm, /*backup=*/false)),
      backup_(configured_weights(farm, /*backup=*/true)) {
  rebuild();
}

int StaticRoundRobin::pick(const PickInput& input) {
  const std::uint64_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  const int server = next_with_room(farm_, active_, turn, input.avoid);
  return server != kNoServer ? server : next_with_room(farm_, backup_, turn, input.avoid);
}

}  // namespace hapair::balance
