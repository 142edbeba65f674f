// What all threads share: the configuration, the servers' state, and the counters.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "proxy/balance/admission.h"
#include "proxy/balance/balancer.h"
#include "proxy/balance/server.h"
#include "proxy/config/config.h"
#include "proxy/health/downtime.h"
#include "proxy/health/probe.h"
#include "proxy/stats/counters.h"

namespace hapair::proxy {

/// What the checks last said about a server, for whoever shows it.
struct CheckReport {
  std::string status = "no check";  // "UP", "DOWN 1/2", …
  health::ProbeResult last;
  int rise = 0, fall = 0, lives = 0;
  std::uint64_t failures = 0;
  health::Downtime downtime{steady_now()};
};

struct ServerState {
  ServerState(const Server& server_config, std::shared_ptr<balance::Server> shared, unsigned workers)
      : config(server_config), live(std::move(shared)), counters(workers) {}

  CheckReport report() const {
    const std::lock_guard lock(report_mutex);
    return checks;
  }

  const Server& config;
  const std::shared_ptr<balance::Server> live;
  std::vector<stats::ServerCounters> counters;  // one a worker
  mutable std::mutex report_mutex;
  CheckReport checks;  // guarded by report_mutex; written by the main thread
};

struct BackendState {
  BackendState(const Backend& backend, unsigned position, bool from_listen, unsigned workers);

  const Backend& config;
  const unsigned index;  // in Snapshot::backends
  const bool is_listen;
  std::vector<std::unique_ptr<ServerState>> servers;
  balance::Farm farm;
  std::unique_ptr<balance::Balancer> balancer;
  std::unique_ptr<balance::Admission> admission;
  stats::Gauge sessions;
  std::vector<stats::BackendCounters> counters;  // one a worker
  mutable std::mutex downtime_mutex;
  health::Downtime downtime{steady_now()};  // guarded by downtime_mutex
};

struct FrontendState {
  FrontendState(const Frontend& frontend, unsigned workers) : config(frontend), counters(workers) {}

  const Frontend& config;
  stats::Gauge connections;
  std::vector<stats::FrontendCounters> counters;  // one a worker
};

/// Made by the main thread before the workers start; lives until the last of them has ended.
struct Snapshot {
  Snapshot(Config loaded, unsigned worker_count);

  const Config config;
  const unsigned workers;
  std::vector<std::unique_ptr<FrontendState>> frontends;
  std::vector<std::unique_ptr<BackendState>> backends;
  stats::Gauge connections;  // clients of all frontends
  unsigned maxconn = 0;      // clients of all frontends; 0: no limit
  const TimePoint started = steady_now();
};

}  // namespace hapair::proxy
