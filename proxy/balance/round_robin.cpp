#include "proxy/balance/round_robin.h"

namespace hapair::balance {

RoundRobin::RoundRobin(const Farm& farm, unsigned workers) : farm_(farm), readers_(workers + 1) {
  rebuild();
}

void RoundRobin::rebuild() {
  std::vector<unsigned> weights;
  weights.reserve(farm_.size());
  for (const auto& server : farm_) weights.push_back(server->usable() ? server->weight() : 0);
  auto schedule = std::make_shared<const Schedule>(weights);
  const std::lock_guard lock(mutex_);
  current_ = std::move(schedule);
  version_.fetch_add(1, std::memory_order_release);
}

const Schedule& RoundRobin::schedule_for(unsigned worker) {
  Reader& reader = readers_[worker];
  if (reader.version != version_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(mutex_);
    reader.schedule = current_;
    reader.version = version_.load(std::memory_order_relaxed);
  }
  return *reader.schedule;
}

int RoundRobin::pick(const PickInput& input) {
  const Schedule& schedule = schedule_for(input.worker);
  if (schedule.empty()) return kNoServer;
  const std::uint64_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    const int candidate = schedule.at(turn + i);
    if (candidate == input.avoid) continue;
    const Server& server = *farm_[static_cast<std::size_t>(candidate)];
    // Not usable: the schedule is about to be replaced.
    if (server.usable() && server.has_room()) return candidate;
  }
  return last_resort(farm_, input.avoid);
}

}  // namespace hapair::balance
