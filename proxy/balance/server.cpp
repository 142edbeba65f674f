#include "proxy/balance/server.h"

namespace hapair::balance {

bool Server::take_slot() {
  std::uint32_t now = sessions_.load(std::memory_order_seq_cst);
  for (;;) {
    const unsigned limit = maxconn();
    if (limit != 0 && now >= limit) return false;
    if (sessions_.compare_exchange_weak(now, now + 1, std::memory_order_seq_cst)) break;
  }
  std::uint32_t peak = peak_sessions_.load(std::memory_order_relaxed);
  while (now + 1 > peak &&
         !peak_sessions_.compare_exchange_weak(peak, now + 1, std::memory_order_relaxed)) {
  }
  return true;
}

void Server::reconfigure(const Settings& settings) {
  if (configured_weight_.exchange(settings.weight) != settings.weight) set_weight(settings.weight);
  if (configured_maxconn_.exchange(settings.maxconn) != settings.maxconn)
    set_maxconn(settings.maxconn);
  if (checked_.exchange(settings.checked) && !settings.checked) set_health(Health::Up);
}

void Server::begin_again(const Settings& settings) {
  reconfigure(settings);
  set_weight(settings.weight);
  set_maxconn(settings.maxconn);
  set_health(settings.checked ? Health::Unknown : Health::Up);
}

std::vector<unsigned> configured_weights(const Farm& farm) {
  std::vector<unsigned> weights;
  weights.reserve(farm.size());
  for (const auto& server : farm) weights.push_back(server->configured_weight());
  return weights;
}

int last_resort(const Farm& farm, int avoid) {
  if (avoid == kNoServer) return kNoServer;
  for (std::size_t i = 0; i < farm.size(); ++i)
    if (static_cast<int>(i) != avoid && farm[i]->usable()) return kNoServer;
  const Server& avoided = *farm[static_cast<std::size_t>(avoid)];
  return avoided.usable() && avoided.has_room() ? avoid : kNoServer;
}

}  // namespace hapair::balance
