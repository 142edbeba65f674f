#include "proxy/runtime/snapshot.h"

#include <cstdlib>

#include "proxy/balance/consistent_hash.h"
#include "proxy/balance/first.h"
#include "proxy/balance/key_map.h"
#include "proxy/balance/least_connections.h"
#include "proxy/balance/random_draws.h"
#include "proxy/balance/round_robin.h"
#include "proxy/balance/static_round_robin.h"

namespace hapair::proxy {
namespace {

std::unique_ptr<balance::Balancer> make_balancer(const Balance& balance, const balance::Farm& farm,
                                                 unsigned workers) {
  using Algorithm = Balance::Algorithm;
  if (balance.hashes() && balance.hash_type == Balance::HashType::Consistent)
    return std::make_unique<balance::ConsistentHash>(farm, workers, balance.hash_balance_factor);
  switch (balance.algorithm) {
    case Algorithm::RoundRobin: return std::make_unique<balance::RoundRobin>(farm, workers);
    case Algorithm::StaticRoundRobin: return std::make_unique<balance::StaticRoundRobin>(farm);
    case Algorithm::First: return std::make_unique<balance::First>(farm);
    case Algorithm::Source:
    case Algorithm::Uri:
    case Algorithm::UrlParam:
    case Algorithm::Header:
    case Algorithm::Hash: return std::make_unique<balance::KeyMap>(farm, workers);
    case Algorithm::Random:
      return std::make_unique<balance::RandomDraws>(farm, workers, balance.draws);
    case Algorithm::LeastConnections: return std::make_unique<balance::LeastConnections>(farm);
  }
  std::abort();  // every algorithm is named above
}

}  // namespace

BackendState::BackendState(Snapshot& owner, const Backend& backend, unsigned position,
                           bool from_listen, Ledger& ledger)
    : snapshot(owner),
      config(backend),
      index(position),
      is_listen(from_listen),
      key_hash(backend.balance.hash_function, backend.balance.hash_key),
      record(ledger.backend(backend)),
      sessions(record->sessions),
      counters(record->counters),
      retry_budget(backend.retry.budget, steady_now()) {
  for (const Server& server : backend.servers) {
    farm.push_back(ledger.live(backend, server));
    servers.push_back(
        std::make_unique<ServerState>(server, farm.back(), ledger.server(backend, server)));
  }
  balancer = make_balancer(backend.balance, farm, ledger.workers());
  balancer->use_all_backups(backend.all_backups);
  balancer->rebuild();
  admission = std::make_unique<balance::Admission>(farm, *balancer);
  admission->set_limits({.full_conn = backend.full_conn, .max_queue = backend.max_queue});
  (void)admission->grants_after_change();  // nobody waits yet
  if (backend.cookie)
    persistence = std::make_unique<exchange::Persistence>(*backend.cookie, backend.servers);
}

int BackendState::index_of(const balance::Server& server) const {
  for (std::size_t i = 0; i < farm.size(); ++i)
    if (farm[i].get() == &server) return static_cast<int>(i);
  return balance::kNoServer;
}

Snapshot::Snapshot(Config loaded, Ledger& ledger, const Snapshot* before)
    : config(std::move(loaded)),
      workers(ledger.workers()),
      process(ledger.process()),
      connections(process->connections),
      started(process->started) {
  ledger.begin_snapshot();
  std::vector<bool> from_listen(config.backends.size());
  for (const Frontend& frontend : config.frontends) {
    frontends.push_back(std::make_unique<FrontendState>(frontend, ledger.frontend(frontend)));
    if (frontend.from_listen && frontend.default_backend >= 0) {
      const auto backend = static_cast<std::size_t>(frontend.default_backend);
      from_listen[backend] = true;
      frontends.back()->has_cookie = config.backends[backend].cookie.has_value();
    }
  }
  for (std::size_t i = 0; i < config.backends.size(); ++i)
    backends.push_back(std::make_unique<BackendState>(
        *this, config.backends[i], static_cast<unsigned>(i), from_listen[i], ledger));
  for (const auto& frontend : frontends) frontends_by_name_[frontend->config.name] = frontend.get();
  for (const auto& backend : backends) backends_by_name_[backend->config.name] = backend.get();
  if (!before) return;
  for (const auto& backend : backends)
    if (const BackendState* earlier = before->find(backend->config))
      backend->admission->continue_from(*earlier->admission);
}

FrontendState* Snapshot::find(const Frontend& frontend) const {
  const auto found = frontends_by_name_.find(frontend.name);
  if (found == frontends_by_name_.end()) return nullptr;
  return found->second->config.mode == frontend.mode ? found->second : nullptr;
}

BackendState* Snapshot::find(const Backend& backend) const {
  const auto found = backends_by_name_.find(backend.name);
  if (found == backends_by_name_.end()) return nullptr;
  return found->second->config.mode == backend.mode ? found->second : nullptr;
}

}  // namespace hapair::proxy
