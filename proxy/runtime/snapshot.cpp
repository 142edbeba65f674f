#include "proxy/runtime/snapshot.h"

#include <cstdlib>

#include "proxy/balance/first.h"
#include "proxy/balance/least_connections.h"
#include "proxy/balance/random_draws.h"
#include "proxy/balance/round_robin.h"
#include "proxy/balance/source_hash.h"
#include "proxy/balance/static_round_robin.h"

namespace hapair::proxy {
namespace {

std::unique_ptr<balance::Balancer> make_balancer(const Balance& balance, const balance::Farm& farm,
                                                 unsigned workers) {
  using Algorithm = Balance::Algorithm;
  switch (balance.algorithm) {
    case Algorithm::RoundRobin: return std::make_unique<balance::RoundRobin>(farm, workers);
    case Algorithm::StaticRoundRobin: return std::make_unique<balance::StaticRoundRobin>(farm);
    case Algorithm::First: return std::make_unique<balance::First>(farm);
    case Algorithm::Source: return std::make_unique<balance::SourceHash>(farm);
    case Algorithm::Random:
      return std::make_unique<balance::RandomDraws>(farm, workers, balance.draws);
    case Algorithm::LeastConnections: return std::make_unique<balance::LeastConnections>(farm);
  }
  std::abort();  // every algorithm is named above
}

}  // namespace

BackendState::BackendState(const Backend& backend, unsigned position, bool from_listen,
                           unsigned workers)
    : config(backend), index(position), is_listen(from_listen), counters(workers) {
  for (const Server& server : backend.servers) {
    farm.push_back(std::make_shared<balance::Server>(balance::Server::Settings{
        .name = server.name,
        .address = server.address,
        .weight = server.weight,
        .maxconn = server.maxconn,
        .checked = server.check.has_value(),
    }));
    servers.push_back(std::make_unique<ServerState>(server, farm.back(), workers));
  }
  balancer = make_balancer(backend.balance, farm, workers);
  admission = std::make_unique<balance::Admission>(farm, *balancer);
}

Snapshot::Snapshot(Config loaded, unsigned worker_count)
    : config(std::move(loaded)), workers(worker_count) {
  std::vector<bool> from_listen(config.backends.size());
  for (const Frontend& frontend : config.frontends) {
    frontends.push_back(std::make_unique<FrontendState>(frontend, workers));
    if (frontend.from_listen && frontend.default_backend >= 0)
      from_listen[static_cast<std::size_t>(frontend.default_backend)] = true;
  }
  for (std::size_t i = 0; i < config.backends.size(); ++i)
    backends.push_back(std::make_unique<BackendState>(config.backends[i], static_cast<unsigned>(i),
                                                      from_listen[i], workers));
}

}  // namespace hapair::proxy
