#include "proxy/runtime/supervisor.h"

#include <algorithm>
#include <csignal>
#include <thread>

#include "common/service.h"
#include "proxy/exchange/state_line.h"
#include "proxy/runtime/listener.h"

namespace hapair::proxy {
namespace {

// Logs, epoll sets, signals, probes under way, files.
constexpr unsigned kReservedDescriptors = 100;
// Probes of different servers start apart, all within this time, so that the first verdicts are
// there soon after the start.
constexpr Duration kFirstProbeSpread = std::chrono::milliseconds(20);

unsigned worker_count(const Config& config) {
  if (config.global.workers > 0) return config.global.workers;
  return std::max(1u, std::thread::hardware_concurrency());
}

std::vector<LogTarget> all_targets(const Config& config, std::vector<LogTarget> extra) {
  std::vector<LogTarget> targets = config.global.log;
  targets.insert(targets.end(), extra.begin(), extra.end());
  return targets;
}

}  // namespace

Supervisor::Supervisor(Config config, std::vector<LogTarget> extra_log)
    : ledger_(worker_count(config)),
      snapshot_(std::make_shared<Snapshot>(std::move(config), ledger_)),
      log_targets_(all_targets(snapshot_->config, std::move(extra_log))),
      log_(loop_, log_targets_, snapshot_->config.global.log_tag) {}

Supervisor::~Supervisor() = default;

Result<void> Supervisor::fit_limits() {
  const Config& config = snapshot_->config;
  std::uint64_t fixed = kReservedDescriptors + 2 * PipePool::kMost * snapshot_->workers;
  for (const Frontend& frontend : config.frontends)
    fixed += frontend.binds.size() * snapshot_->workers;
  for (const Backend& backend : config.backends) fixed += backend.servers.size();

  // A client needs a descriptor and so does its server.
  const std::uint64_t clients = config.global.maxconn > 0 ? config.global.maxconn : 100'000;
  const std::uint64_t granted = raise_descriptor_limit(fixed + 2 * clients);
  const std::uint64_t possible = granted > fixed ? (granted - fixed) / 2 : 0;
  if (possible == 0)
    return fail(Errc::Range, "the descriptor limit of {} leaves none for clients: raise it (ulimit -n, "
                "LimitNOFILE=)", granted);
  snapshot_->maxconn = static_cast<unsigned>(std::min(clients, possible));
  if (config.global.maxconn == 0 || possible >= clients) return {};
  if (config.global.strict_limits)
    return fail(Errc::Range,
                "global.maxconn = {} needs {} descriptors, the limit is {}: raise it (ulimit -n, "
                "LimitNOFILE=) or lower maxconn to {}",
                clients, fixed + 2 * clients, granted, possible);
  log_.log(Severity::Warning,
           "global.maxconn lowered from {} to {}: it needs {} descriptors, the limit is {}", clients,
           possible, fixed + 2 * clients, granted);
  return {};
}

Result<void> Supervisor::open() {
  if (auto fitted = fit_limits(); !fitted) return fitted;
  Sockets sockets;
  const auto close_all = [&] {
    for (auto& [frontend, bind, fds] : sockets)
      for (const int fd : fds) ::close(fd);
  };
  for (const auto& frontend : snapshot_->frontends)
    for (const Bind& bind : frontend->config.binds)
      if (auto free = check_free(bind.socket); !free)
        return fail(free.error().code, "frontend {}: {}", frontend->config.name,
                    free.error().message);
  for (auto& frontend : snapshot_->frontends) {
    for (const Bind& bind : frontend->config.binds) {
      auto opened = open_listeners(bind.socket, snapshot_->workers);
      if (!opened) {
        close_all();
        return fail(opened.error().code, "frontend {}: {}", frontend->config.name,
                    opened.error().message);
      }
      for (WorkerSockets& fds : *opened) sockets.push_back({frontend.get(), &bind, std::move(fds)});
    }
  }
  make_workers(sockets);
  return {};
}

void Supervisor::make_workers(const Sockets& sockets) {
  for (unsigned i = 0; i < snapshot_->workers; ++i) {
    std::vector<Worker::Listener> listeners;
    for (std::size_t id = 0; id < sockets.size(); ++id)
      listeners.push_back({sockets[id].frontend, sockets[id].bind, id, sockets[id].fds[i]});
    workers_.push_back(std::make_unique<Worker>(
        snapshot_, i, *statistics_, log_targets_, std::move(listeners),
        [this](const balance::Grant& grant, BackendState& backend) { post(grant, backend); }));
  }
}

void Supervisor::run() {
  // A write to a closed connection is an error we read from the call, never a signal.
  ::signal(SIGPIPE, SIG_IGN);
  for (const int number : {SIGTERM, SIGINT})
    signals_.push_back(std::make_unique<SignalWatcher>(loop_, number, [this] { stop(); }));
  for (const auto& [number, name] : {std::pair(SIGHUP, "SIGHUP (reload)"),
                                     std::pair(SIGUSR1, "SIGUSR1 (drain)"),
                                     std::pair(SIGUSR2, "SIGUSR2 (replace the binary)")})
    signals_.push_back(std::make_unique<SignalWatcher>(loop_, number, [this, name = name] {
      log_.log(Severity::Warning, "{} is not built yet: nothing changed", name);
    }));
  for (auto& worker : workers_) worker->start();
  reconcile_checks();
  if (const Duration interval = watchdog_interval(); interval > Duration::zero()) {
    watchdog_ = std::make_unique<Timer>(loop_, [this, interval] {
      beat();
      watchdog_->arm(loop_.now() + interval / 2);  // one late answer shall not be the end
    });
    answered_ = snapshot_->workers;
    watchdog_->arm(loop_.refresh());
  }
  notify_service_manager("READY=1");
  loop_.run();
  notify_service_manager("STOPPING=1");
  checkers_.clear();
  for (auto& worker : workers_) worker->stop();
  workers_.clear();
  log_stopped();
}

void Supervisor::stop() { loop_.stop(); }

/// Tells the service manager that all is well, but only when every worker has run since last time.
void Supervisor::beat() {
  if (answered_.load() < snapshot_->workers) return;  // the question still stands
  answered_ = 0;
  notify_service_manager("WATCHDOG=1");
  for (auto& worker : workers_) worker->post([this] { ++answered_; });
}

void Supervisor::reconcile_checks() {
  places_.clear();
  std::size_t checked = 0;
  for (const auto& backend : snapshot_->backends) {
    for (std::size_t i = 0; i < backend->servers.size(); ++i) {
      places_[backend->farm[i].get()] = {backend.get(), i};
      checked += backend->servers[i]->config.check ? 1 : 0;
    }
  }
  std::erase_if(checkers_, [this](const auto& entry) {
    const auto place = places_.find(entry.first);
    return place == places_.end() ||
           !place->second.backend->servers[place->second.server]->config.check;
  });
  TimePoint first = loop_.refresh();
  for (const auto& backend : snapshot_->backends) {
    for (const auto& server : backend->servers) {
      if (!server->config.check) continue;
      const Check& check = *server->config.check;
      const Duration timeout = backend->config.timeout.check;
      HealthChecker::Target target{.address = server->live->address(),
                                   .source = backend->config.source,
                                   .check = check,
                                   .timeout = timeout > Duration::zero() ? timeout : check.interval};
      std::unique_ptr<HealthChecker>& checker = checkers_[server->live.get()];
      if (checker && checker->target() == target) continue;
      const std::uint64_t failures = checker ? checker->fsm().failures() : 0;
      checker = std::make_unique<HealthChecker>(
          loop_, std::move(target), first,
          [this, &live = *server->live](const auto& result, const auto& fsm, auto changed) {
            on_verdict(live, result, fsm, changed);
          });
      checker->assume(server->live->health(), failures);
      first += kFirstProbeSpread / static_cast<int>(checked);
    }
  }
}

void Supervisor::on_verdict(const balance::Server& live, const health::ProbeResult& result,
                            const health::CheckFsm& fsm, std::optional<health::Health> changed) {
  const auto [owner, index] = places_.at(&live);
  BackendState& backend = *owner;
  ServerState& server = *backend.servers[index];
  {
    const std::lock_guard lock(server.record->report_mutex);
    CheckReport& report = server.record->checks;
    report.status = fsm.status();
    report.last = result;
    report.rise = fsm.settings().rise;
    report.fall = fsm.settings().fall;
    report.lives = fsm.lives();
    report.failures = fsm.failures();
    if (changed == health::Health::Up) report.downtime.on_up(loop_.now());
    if (changed == health::Health::Down) report.downtime.on_down(loop_.now());
  }
  if (changed) on_health_change(backend, index, *changed, result);
}

void Supervisor::on_health_change(BackendState& backend, std::size_t index, health::Health health,
                                  const health::ProbeResult& cause) {
  balance::Server& server = *backend.servers[index]->live;
  const bool first_verdict = server.health() == health::Health::Unknown;
  server.set_health(health);
  backend.balancer->rebuild();
  const balance::Admission::Change change = backend.admission->grants_after_change();
  for (const balance::Grant& grant : change.grants) post(grant, backend);

  const unsigned left = balance::usable_servers(backend.farm);
  // Servers that have no verdict yet may still come up: no outage before the last one has its.
  const bool all_known = std::none_of(backend.farm.begin(), backend.farm.end(), [](const auto& s) {
    return s->health() == health::Health::Unknown;
  });
  const bool out_of_service = left == 0 && all_known;
  {
    const std::lock_guard lock(backend.record->downtime_mutex);
    if (left > 0) backend.record->downtime.on_up(loop_.now());
    if (out_of_service) backend.record->downtime.on_down(loop_.now());
  }
  // A server that is found well at the start is no news.
  if (first_verdict && health == health::Health::Up) return;
  const exchange::ServerChange line{.backend = backend.config.name,
                                    .server = server.name(),
                                    .cause = cause,
                                    .active_left = left,
                                    .backup_left = 0,
                                    .sessions = server.sessions(),
                                    .requeued = change.requeued,
                                    .queued = backend.admission->waiting()};
  const bool up = health == health::Health::Up;
  const exchange::StateLine state = up ? exchange::server_up(line) : exchange::server_down(line);
  log_.write(state.severity, state.text);
  if (up || !out_of_service) return;
  const exchange::StateLine alarm =
      exchange::no_server_available(backend.config.name, backend.is_listen);
  log_.write(alarm.severity, alarm.text);
}

void Supervisor::post(const balance::Grant& grant, BackendState& backend) {
  // On its way the grant keeps the snapshot whose backend it names.
  workers_[grant.worker]->post([this, grant, &backend, kept = backend.snapshot.shared_from_this()] {
    workers_[grant.worker]->on_grant(grant, backend);
  });
}

void Supervisor::log_stopped() {
  const auto clients_of = [](const FrontendState& frontend) {
    std::uint64_t total = 0;
    for (const auto& counters : frontend.counters) total += counters.connections.value();
    return total;
  };
  const auto sessions_of = [](const BackendState& backend) {
    std::uint64_t total = 0;
    for (const auto& counters : backend.counters) total += counters.sessions.value();
    return total;
  };
  const auto tell = [&](std::string_view name, std::uint64_t clients, std::uint64_t sessions) {
    const exchange::StateLine line = exchange::proxy_stopped(name, clients, sessions);
    log_.write(line.severity, line.text);
  };
  for (const auto& frontend : snapshot_->frontends) {
    const bool listen = frontend->config.from_listen;
    const auto index = static_cast<std::size_t>(frontend->config.default_backend);
    tell(frontend->config.name, clients_of(*frontend),
         listen ? sessions_of(*snapshot_->backends[index]) : 0);
  }
  for (const auto& backend : snapshot_->backends)
    if (!backend->is_listen) tell(backend->config.name, 0, sessions_of(*backend));
  log_.flush();
}

}  // namespace hapair::proxy
