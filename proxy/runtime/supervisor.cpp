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
      log_(loop_, log_targets_, snapshot_->config.global.log_tag),
      keeper_(loop_, log_, [this](const balance::Grant& grant, BackendState& backend) {
        post(grant, backend);
      }) {}

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
  possible_maxconn_ = static_cast<unsigned>(std::min(clients, possible));
  apply_operator_maxconn();
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
  keeper_.reconcile(*snapshot_);
  keeper_.begin_slowly(FarmKeeper::Occasion::Start);
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
  keeper_.clear();
  for (auto& worker : workers_) worker->stop();
  workers_.clear();
  log_stopped();
}

void Supervisor::stop() { loop_.stop(); }

std::uint64_t Supervisor::dropped_logs() const {
  std::uint64_t lines = log_.dropped();
  for (const auto& worker : workers_) lines += worker->log().dropped();
  return lines;
}

/// Tells the service manager that all is well, but only when every worker has run since last time.
void Supervisor::beat() {
  if (answered_.load() < snapshot_->workers) return;  // the question still stands
  answered_ = 0;
  notify_service_manager("WATCHDOG=1");
  for (auto& worker : workers_) worker->post([this] { ++answered_; });
}

void Supervisor::move_server(const std::shared_ptr<balance::Server>& server,
                             const SocketAddress& address) {
  server->move_to(address);
  for (auto& worker : workers_)
    worker->post([&worker = *worker, server] { worker.on_server_moved(*server); });
  keeper_.reconcile(*snapshot_);
}

void Supervisor::set_operator_maxconn(unsigned maxconn) {
  snapshot_->process->operator_maxconn = maxconn;
  apply_operator_maxconn();
}

void Supervisor::apply_operator_maxconn() {
  const unsigned wanted = snapshot_->process->operator_maxconn;
  snapshot_->maxconn = wanted > 0 ? std::min(wanted, possible_maxconn_) : possible_maxconn_;
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
