#include "proxy/balance/round_robin.h"

namespace hapair::balance {

RoundRobin::RoundRobin(const Farm& farm, unsigned workers) : Balancer(farm), rotation_(workers) {
  rebuild();
}

int RoundRobin::pick(const PickInput& input) {
  const Schedule& schedule = rotation_.schedule_for(input.worker);
  if (schedule.empty()) return kNoServer;
  const std::uint64_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  return next_with_room(farm_, schedule, turn, input.avoid);
}

}  // namespace hapair::balance
