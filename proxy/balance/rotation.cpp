#include "proxy/balance/rotation.h"

namespace hapair::balance {

int next_with_room(const Farm& farm, const Schedule& schedule, std::uint64_t turn,
                   const Avoided& avoid) {
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    const int candidate = schedule.at(turn + i);
    if (avoid.contains(candidate)) continue;
    const Server& server = *farm[static_cast<std::size_t>(candidate)];
    // Not usable: the schedule is about to be replaced.
    if (server.usable() && server.has_room()) return candidate;
  }
  return last_resort(farm, avoid);
}

void Rotation::rebuild(const Farm& farm) {
  std::vector<unsigned> weights;
  weights.reserve(farm.size());
  for (const auto& server : farm)
    weights.push_back(server->usable() ? server->effective_weight() : 0);
  schedule_.publish(Schedule(weights));
}

}  // namespace hapair::balance
