// What all threads share while one configuration is in force: it, the servers' state, the counters.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/balance/admission.h"
#include "proxy/balance/balancer.h"
#include "proxy/balance/server.h"
#include "proxy/config/config.h"
#include "proxy/exchange/key_hash.h"
#include "proxy/exchange/persistence.h"
#include "proxy/exchange/retry_budget.h"
#include "proxy/runtime/frontend_rules.h"
#include "proxy/runtime/ledger.h"

namespace hapair::proxy {

struct Snapshot;

/// One server as a configuration has it. What is live and what is counted outlives the snapshot.
struct ServerState {
  ServerState(const Server& server_config, std::shared_ptr<balance::Server> shared,
              std::shared_ptr<ServerRecord> kept)
      : config(server_config),
        live(std::move(shared)),
        record(std::move(kept)),
        counters(record->counters) {}

  CheckReport report() const {
    const std::lock_guard lock(record->report_mutex);
    return record->checks;
  }

  const Server& config;
  const std::shared_ptr<balance::Server> live;
  const std::shared_ptr<ServerRecord> record;
  const std::span<stats::ServerCounters> counters;  // one a worker
};

/// An index of a server means something only together with the BackendState it came from.
struct BackendState {
  BackendState(Snapshot& owner, const Backend& backend, unsigned position, bool from_listen,
               Ledger& ledger);

  /// Where the server stands here; kNoServer if it does not.
  int index_of(const balance::Server& server) const;

  Snapshot& snapshot;
  const Backend& config;
  const exchange::ErrorPages error_pages{config.error_files};
  const unsigned index;  // in Snapshot::backends
  const bool is_listen;
  std::vector<std::unique_ptr<ServerState>> servers;
  balance::Farm farm;
  std::unique_ptr<balance::Balancer> balancer;
  std::unique_ptr<balance::Admission> admission;
  std::unique_ptr<const exchange::Persistence> persistence;  // null: no cookie is configured
  const exchange::KeyHash key_hash;  // what config.balance.key is hashed with
  const std::shared_ptr<BackendRecord> record;
  stats::Gauge& sessions;
  const std::span<stats::BackendCounters> counters;  // one a worker
  // All workers write it, where retries heed responses: away from what is only read.
  alignas(64) exchange::RetryBudget retry_budget;
};

struct FrontendState {
  FrontendState(const Frontend& frontend, std::shared_ptr<FrontendRecord> kept)
      : config(frontend),
        record(std::move(kept)),
        connections(record->connections),
        counters(record->counters),
        log_routes(counters.size()) {}

  const Frontend& config;
  // What only some log formats ask for, since it costs something.
  const bool logs_destination = config.log_pattern.uses(LogVariable::FrontendAddress) ||
                                config.log_pattern.uses(LogVariable::FrontendPort);
  const bool logs_source = config.log_pattern.uses(LogVariable::SourceAddress) ||
                           config.log_pattern.uses(LogVariable::SourcePort);
  const bool logs_numbers = config.log_pattern.uses(LogVariable::RequestNumber) ||
                            config.log_pattern.uses(LogVariable::LineNumber);
  bool has_cookie = false;  // a listen section with one: so the log says of its statistics
  const FrontendRules rules{config};
  const std::shared_ptr<FrontendRecord> record;
  stats::Gauge& connections;
  const std::span<stats::FrontendCounters> counters;  // one a worker
  std::vector<LogRoute> log_routes;  // one a worker, who opens it
};

/// Made by the main thread. Lives until no worker serves by it any more; ownership is shared by
/// whoever could be the last.
struct Snapshot : std::enable_shared_from_this<Snapshot> {
  /// Applies the settings of the servers that `ledger` knows already. The queues of `before`, if
  /// there is one, go on in this one's.
  Snapshot(Config loaded, Ledger& ledger, const Snapshot* before = nullptr);

  /// By name and mode: what changed its mode is something else. Null if there is none.
  FrontendState* find(const Frontend& frontend) const;
  BackendState* find(const Backend& backend) const;

  const Config config;
  const unsigned workers;
  std::vector<std::unique_ptr<FrontendState>> frontends;
  std::vector<std::unique_ptr<BackendState>> backends;
  const std::shared_ptr<ProcessRecord> process;
  stats::Gauge& connections;  // clients of all frontends
  std::atomic<unsigned> maxconn = 0;  // clients of all frontends; 0: no limit
  const TimePoint started;    // the process

 private:
  std::unordered_map<std::string_view, FrontendState*> frontends_by_name_;
  std::unordered_map<std::string_view, BackendState*> backends_by_name_;
};

}  // namespace hapair::proxy
