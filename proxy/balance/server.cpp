#include "proxy/balance/server.h"

#include <algorithm>

namespace hapair::balance {

bool Server::take_slot() {
  std::uint32_t now = sessions_.load(std::memory_order_seq_cst);
  for (;;) {
    const unsigned most = limit();
    if (most != 0 && now >= most) return false;
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
  set_minconn(settings.minconn);
  set_max_queue(settings.max_queue);
  set_backup(settings.backup);
  if (checked_.exchange(settings.checked) && !settings.checked) set_health(Health::Up);
}

void Server::begin_again(const Settings& settings) {
  reconfigure(settings);
  set_weight(settings.weight);
  slow_start_ = {};
  set_warmth(kWarm);
  set_maxconn(settings.maxconn);
  set_condition(first_condition(settings));
  move_to(settings.address);
}

unsigned Server::share_of_weight(unsigned percent) const {
  const unsigned share = configured_weight() * percent / 100;
  return share == 0 && percent > 0 && configured_weight() > 0 ? 1 : share;
}

void Server::move_to(const SocketAddress& address) {
  auto place = std::find(places_.begin(), places_.end(), address);
  if (place == places_.end()) place = places_.insert(places_.end(), address);
  address_.store(&*place, std::memory_order_release);
}

unsigned Server::warm_limit() const {
  const std::uint64_t most = maxconn();
  if (most == 0) return 0;  // no limit has no share
  return static_cast<unsigned>(std::max<std::uint64_t>(1, most * warmth() / kWarm));
}

void Server::begin_slowly(TimePoint now, Duration length) {
  slow_start_ = SlowStart(now, length);
  warm(now);
}

bool Server::warm(TimePoint now) {
  const unsigned warmth_now = slow_start_.warmth(now, kWarm);
  if (warmth_now == warmth()) return false;
  set_warmth(warmth_now);
  return true;
}

bool Server::fit_limit(unsigned demand, unsigned full) {
  std::uint64_t fitted = warm_limit();
  const unsigned least = minconn();
  if (least > 0 && fitted > least && demand < full)
    fitted = std::max<std::uint64_t>(least, fitted * demand / full);
  return limit_.exchange(static_cast<unsigned>(fitted), std::memory_order_relaxed) != fitted;
}

unsigned able_servers(const Farm& farm) {
  return static_cast<unsigned>(
      std::count_if(farm.begin(), farm.end(), [](const auto& server) { return server->able(); }));
}

Strength strength(const Farm& farm) {
  Strength strength;
  for (const auto& server : farm)
    if (server->able()) ++(server->backup() ? strength.backup : strength.active);
  return strength;
}

void assign_duty(const Farm& farm, bool all_backups) {
  bool needed = std::none_of(farm.begin(), farm.end(), [](const auto& server) {
    return server->able() && !server->backup();
  });
  for (const auto& server : farm) {
    server->set_on_duty(!server->backup() || (needed && server->able()));
    if (server->backup() && server->able() && !all_backups) needed = false;
  }
}

std::vector<unsigned> configured_weights(const Farm& farm, bool backup) {
  std::vector<unsigned> weights;
  weights.reserve(farm.size());
  for (const auto& server : farm)
    weights.push_back(server->backup() == backup ? server->configured_weight() : 0);
  return weights;
}

int last_resort(const Farm& farm, const Avoided& avoid, bool with_room) {
  if (avoid.empty()) return kNoServer;
  for (std::size_t i = 0; i < farm.size(); ++i)
    if (farm[i]->usable() && !avoid.contains(static_cast<int>(i))) return kNoServer;
  for (const int server : avoid.oldest_first()) {
    const Server& avoided = *farm[static_cast<std::size_t>(server)];
    if (avoided.usable() && (!with_room || avoided.has_room())) return server;
  }
  return kNoServer;
}

bool anyone_awaited(const Farm& farm) {
  return std::ranges::any_of(farm, [](const auto& server) { return server->awaited(); });
}

}  // namespace hapair::balance
