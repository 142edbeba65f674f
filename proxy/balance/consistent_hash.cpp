#include "proxy/balance/consistent_hash.h"

#include <algorithm>

namespace hapair::balance {
namespace {

// The heaviest server has at least so many points, and less than twice of it: shares come out within
// about a twentieth. Doubling steps, so that another heaviest server seldom changes anybody's points.
constexpr unsigned kPoints = 256;

std::vector<unsigned> points_of(const Farm& farm) {
  unsigned heaviest = 1;
  for (const auto& server : farm)
    heaviest = std::max({heaviest, server->configured_weight(), server->weight()});
  unsigned scale = 1;
  while (heaviest * scale < kPoints) scale *= 2;
  std::vector<unsigned> points;
  points.reserve(farm.size());
  for (const auto& server : farm) {
    const unsigned weight = server->effective_weight();
    points.push_back(weight == 0 ? 0 : std::max(1u, weight * scale / Server::kWarm));
  }
  return points;
}

}  // namespace

ConsistentHash::ConsistentHash(const Farm& farm, unsigned workers, unsigned bound)
    : Keyed(farm, workers), bound_(bound), ring_(workers), seen_(farm.size()) {
  rebuild();
  for (std::size_t i = 0; i < farm.size(); ++i) on_load(static_cast<int>(i));
}

void ConsistentHash::on_change() {
  Keyed::on_change();
  std::uint64_t weights = 0;
  for (const auto& server : farm_)
    if (server->usable()) weights += server->effective_weight();
  weights_.store(std::max<std::uint64_t>(1, weights), std::memory_order_relaxed);
  std::vector<unsigned> points = points_of(farm_);
  if (points == points_) return;
  points_ = std::move(points);
  std::vector<HashRing::Share> shares;
  shares.reserve(farm_.size());
  for (std::size_t i = 0; i < farm_.size(); ++i)
    shares.push_back({.name = farm_[i]->name(), .points = points_[i]});
  ring_.publish(HashRing(shares));
}

void ConsistentHash::on_load(int server) {
  if (bound_ == 0) return;
  const auto index = static_cast<std::size_t>(server);
  std::uint32_t load = farm_[index]->load();
  for (;;) {
    total_.fetch_add(load - seen_[index].exchange(load));  // may fall: unsigned sums wrap back
    const std::uint32_t again = farm_[index]->load();
    if (again == load) return;
    load = again;
  }
}

bool ConsistentHash::within_bound(int server) const {
  if (bound_ == 0) return true;
  const Server& candidate = *farm_[static_cast<std::size_t>(server)];
  const std::uint64_t most = std::uint64_t{bound_} * (total_.load() + 1) * candidate.effective_weight();
  // The share rounded up, this request among it.
  return std::uint64_t{candidate.load()} * 100 * weights_.load(std::memory_order_relaxed) < most;
}

int ConsistentHash::owner(const PickInput& input, bool with_room) {
  const HashRing& ring = ring_.read(input.worker);
  int too_busy = kNoServer;
  const std::size_t first = ring.size() == 0 ? 0 : ring.first_of(*input.key);
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const int server = ring.at(first + i);
    if (!serves(server, input, with_room)) continue;
    if (within_bound(server)) return server;
    if (too_busy == kNoServer) too_busy = server;
  }
  // Above the bound everywhere: some servers are full, or others chose in the same moment.
  return too_busy != kNoServer ? too_busy : last_resort(farm_, input.avoid, with_room);
}

}  // namespace hapair::balance
