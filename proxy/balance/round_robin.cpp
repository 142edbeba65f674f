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
  bool another = false;  // besides the one to avoid, even if it is full
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    const int candidate = schedule.at(turn + i);
    if (candidate == input.avoid) continue;
    const Server& server = *farm_[static_cast<std::size_t>(candidate)];
    if (!server.usable()) continue;  // the schedule is about to be replaced
    another = true;
    if (server.has_room()) return candidate;
  }
  if (another || input.avoid == kNoServer) return kNoServer;
  const Server& last_resort = *farm_[static_cast<std::size_t>(input.avoid)];
  return last_resort.usable() && last_resort.has_room() ? input.avoid : kNoServer;
}

}  // namespace hapair::balance
