#include "proxy/balance/least_connections.h"

#include <algorithm>
#include <numeric>

namespace hapair::balance {
namespace {

// Weights are compared exactly while a session at the heaviest server is one step and one at the
// lightest at most this many; beyond it within a hundredth. Leaves room for 260 000 sessions a
// server, and for four thousand million where all weights are equal.
constexpr std::uint64_t kCoarsest = 16384;

std::uint64_t common_multiple(const Farm& farm, std::uint64_t lightest) {
  std::uint64_t multiple = 1;
  for (const auto& server : farm) {
    if (server->weight() == 0) continue;
    multiple = std::lcm(multiple, std::uint64_t{server->effective_weight()});
    if (multiple > kCoarsest * lightest) return kCoarsest * lightest;
  }
  return multiple;
}

}  // namespace

LeastConnections::LeastConnections(const Farm& farm)
    : Balancer(farm), tournament_(farm.size()), steps_(farm.size()) {
  rebuild();
}

void LeastConnections::on_change() {
  std::uint64_t lightest = UINT64_MAX;
  for (const auto& server : farm_)
    if (server->weight() > 0)
      lightest = std::min<std::uint64_t>(lightest, server->effective_weight());
  if (lightest == UINT64_MAX) lightest = 1;
  const std::uint64_t multiple = common_multiple(farm_, lightest);
  for (std::size_t i = 0; i < farm_.size(); ++i) {
    const std::uint64_t weight = std::max(1u, farm_[i]->effective_weight());
    steps_[i].store(static_cast<std::uint32_t>((multiple + weight / 2) / weight));
  }
  for (std::size_t i = 0; i < farm_.size(); ++i) refresh(i, true);
}

void LeastConnections::refresh(std::size_t server, bool always) {
  tournament_.refresh(
      server, [this, server] { return key(server); }, always);
}

std::uint32_t LeastConnections::key(std::size_t server) const {
  const Server& candidate = *farm_[server];
  if (!candidate.usable() || !candidate.has_room()) return Tournament::kOut;
  const std::uint64_t key = std::uint64_t{candidate.load()} * steps_[server].load();
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(key, Tournament::kOut - 1));
}

int LeastConnections::pick(const PickInput& input) {
  for (;;) {
    std::uint32_t turn = turn_.load(std::memory_order_relaxed);
    int server = input.avoid.empty() ? tournament_.next(turn) : kNoServer;
    // A request that was refused somewhere looks for itself; so does one that finds everything
    // full, since it is about to wait and a slot that comes free in this moment must not be missed.
    if (server == kNoServer) server = look_at_all(turn, input.avoid);
    if (server == kNoServer) return last_resort(farm_, input.avoid);
    const auto chosen = static_cast<std::size_t>(server);
    if (key(chosen) == Tournament::kOut) {  // whoever filled it has not come to say so
      refresh(chosen, false);
      continue;
    }
    const auto after = static_cast<std::uint32_t>(chosen + 1 < farm_.size() ? chosen + 1 : 0);
    if (after == turn || turn_.compare_exchange_strong(turn, after, std::memory_order_relaxed))
      return server;
  }
}

int LeastConnections::look_at_all(std::size_t from, const Avoided& avoid) const {
  int least = kNoServer;
  std::uint32_t smallest = Tournament::kOut;
  for (std::size_t i = 0; i < farm_.size(); ++i) {
    const std::size_t server = (from + i) % farm_.size();
    if (avoid.contains(static_cast<int>(server))) continue;
    const std::uint32_t candidate = key(server);
    if (candidate >= smallest) continue;
    smallest = candidate;
    least = static_cast<int>(server);
  }
  return least;
}

}  // namespace hapair::balance
