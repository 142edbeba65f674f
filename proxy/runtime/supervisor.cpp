#include "proxy/runtime/supervisor.h"

#include <algorithm>
#include <csignal>
#include <thread>

#include "common/service.h"
#include "proxy/exchange/state_line.h"

namespace hapair::proxy {
namespace {

// Logs, epoll sets, signals, probes under way, files.
constexpr unsigned kReservedDescriptors = 100;

// A planned handover takes a moment; one that cannot be had is not waited for.
constexpr Duration kLeavingPatience = std::chrono::seconds(3);

unsigned worker_count(const Config& config) {
  if (config.global.workers > 0) return config.global.workers;
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

Supervisor::Supervisor(Config config, std::vector<LogTarget> extra_log)
    : ledger_(worker_count(config)),
      snapshot_(std::make_shared<Snapshot>(std::move(config), ledger_)),
      extra_log_(std::move(extra_log)),
      log_(loop_, joined(snapshot_->config.global.log, extra_log_),
           snapshot_->config.global.log_tag),
      keeper_(
          loop_, log_,
          [this](const balance::Grant& grant, BackendState& backend) { post(grant, backend); },
          [this](const std::shared_ptr<balance::Server>& server, EndCause cause) {
            for (const auto& worker : workers_)
              worker->post(
                  [&worker = *worker, server, cause] { worker.end_sessions_of(*server, cause); });
          }),
      heartbeat_(
          *this, loop_, [this] { close_listeners(); },
          [this] { keeper_.begin_slowly(FarmKeeper::Occasion::Takeover); }),
      drain_timer_(loop_, [this] { on_drain_limit(); }),
      leaving_timer_(loop_, [this] { close_listeners(); }) {}

Supervisor::~Supervisor() = default;

Result<unsigned> Supervisor::fit_limits(const Config& config) {
  std::uint64_t fixed = kReservedDescriptors + 2 * PipePool::kMost * ledger_.workers();
  for (const Frontend& frontend : config.frontends)
    fixed += frontend.binds.size() * ledger_.workers();
  for (const Backend& backend : config.backends) fixed += backend.servers.size();

  // A client needs a descriptor and so does its server.
  const std::uint64_t clients = config.global.maxconn > 0 ? config.global.maxconn : 100'000;
  const std::uint64_t granted = raise_descriptor_limit(fixed + 2 * clients);
  const std::uint64_t possible = granted > fixed ? (granted - fixed) / 2 : 0;
  if (possible == 0)
    return fail(Errc::Range, "the descriptor limit of {} leaves none for clients: raise it (ulimit -n, "
                "LimitNOFILE=)", granted);
  const auto fitting = static_cast<unsigned>(std::min(clients, possible));
  if (config.global.maxconn == 0 || possible >= clients) return fitting;
  if (config.global.strict_limits)
    return fail(Errc::Range,
                "global.maxconn = {} needs {} descriptors, the limit is {}: raise it (ulimit -n, "
                "LimitNOFILE=) or lower maxconn to {}",
                clients, fixed + 2 * clients, granted, possible);
  log_.log(Severity::Warning,
           "global.maxconn lowered from {} to {}: it needs {} descriptors, the limit is {}", clients,
           possible, fixed + 2 * clients, granted);
  return fitting;
}

Result<void> Supervisor::open() {
  const Config& config = snapshot_->config;
  if (auto found = check_log_targets(config, {}); !found) return found;
  const auto fitted = fit_limits(config);
  if (!fitted) return tl::make_unexpected(fitted.error());
  possible_maxconn_ = *fitted;
  apply_operator_maxconn();
  const auto kept = kept_sockets({}, config);
  const auto sockets = open_sockets(config, kept);
  if (!sockets) return tl::make_unexpected(sockets.error());
  name_sockets(*sockets, kept);
  for (unsigned i = 0; i < snapshot_->workers; ++i)
    workers_.push_back(std::make_unique<Worker>(
        snapshot_, i, *statistics_, extra_log_, listeners_for(i, *sockets),
        [this](const balance::Grant& grant, BackendState& backend) { post(grant, backend); },
        [this](const auto& server, unsigned errors, health::Evidence last) {
          loop_.post([this, server, errors, last] {
            loop_.refresh();
            keeper_.on_traffic_errors(*server, errors, last);
          });
        },
        [this](const auto& server, unsigned asking) { ask_for_room(server, asking); }));
  return open_heartbeat(config);
}

Result<void> Supervisor::open_heartbeat(const Config& config) {
  const Global& global = config.global;
  if (!global.health.is_wanted || heartbeat_.is_open_at(global.health.path)) return {};
  return heartbeat_.open(global.health, global.identity);
}

Result<Supervisor::Sockets> Supervisor::open_sockets(
    const Config& config, const std::vector<std::optional<std::size_t>>& kept) {
  const std::vector<ListenerPlace> places = listeners_of(config);
  Sockets sockets(places.size());
  for (const bool asking : {true, false}) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (kept[i]) continue;
      const Frontend& frontend = config.frontends[places[i].frontend];
      const ListenSocket& socket = frontend.binds[places[i].bind].socket;
      std::optional<Error> error;
      if (asking) {
        // What is ours is not free; a wildcard and one address go together on a port of ours.
        if (shares_port(socket)) continue;
        if (auto free = check_free(socket); !free) error = free.error();
      } else if (auto opened = open_listeners(socket, ledger_.workers(), !frontend.disabled);
                 opened) {
        sockets[i] = *std::move(opened);
      } else {
        error = opened.error();
      }
      if (!error) continue;
      for (const auto& listener : sockets)
        for (const WorkerSockets& fds : listener)
          for (const int fd : fds) ::close(fd);
      return fail(error->code, "frontend {}: {}", frontend.name, error->message);
    }
  }
  return sockets;
}

/// Some listener of the configuration in force has its port.
bool Supervisor::shares_port(const ListenSocket& socket) const {
  const auto* address = std::get_if<SocketAddress>(&socket.at);
  if (!address || workers_.empty()) return false;
  for (const Frontend& frontend : snapshot_->config.frontends)
    for (const Bind& bind : frontend.binds)
      if (const auto* ours = std::get_if<SocketAddress>(&bind.socket.at);
          ours && ours->port == address->port)
        return true;
  return false;
}

void Supervisor::name_sockets(const Sockets& opened,
                              const std::vector<std::optional<std::size_t>>& kept) {
  std::vector<std::vector<std::uint64_t>> ids;
  for (std::size_t i = 0; i < opened.size(); ++i) {
    ids.emplace_back();
    if (kept[i]) ids.back() = socket_ids_[*kept[i]];
    for (std::size_t j = 0; j < opened[i].size(); ++j) ids.back().push_back(++last_socket_id_);
  }
  socket_ids_ = std::move(ids);
}

std::vector<Worker::Listener> Supervisor::listeners_for(unsigned worker, const Sockets& sockets) {
  const std::vector<ListenerPlace> places = listeners_of(snapshot_->config);
  std::vector<Worker::Listener> listeners;
  for (std::size_t i = 0; i < places.size(); ++i) {
    FrontendState& frontend = *snapshot_->frontends[places[i].frontend];
    for (std::size_t j = 0; j < socket_ids_[i].size(); ++j)
      listeners.push_back({.frontend = &frontend,
                           .bind = &frontend.config.binds[places[i].bind],
                           .id = socket_ids_[i][j],
                           .fd = sockets[i].empty() ? -1 : sockets[i][j][worker]});
  }
  return listeners;
}

void Supervisor::run() {
  // A write to a closed connection is an error we read from the call, never a signal.
  ::signal(SIGPIPE, SIG_IGN);
  for (const int number : {SIGTERM, SIGINT})
    signals_.push_back(std::make_unique<SignalWatcher>(loop_, number, [this] { stop(); }));
  signals_.push_back(std::make_unique<SignalWatcher>(loop_, SIGUSR2, [this] {
    log_.write(Severity::Warning,
               "SIGUSR2 (replace the binary) is not built yet: nothing changed");
  }));
  signals_.push_back(std::make_unique<SignalWatcher>(loop_, SIGHUP, [this] { reload(); }));
  signals_.push_back(std::make_unique<SignalWatcher>(loop_, SIGUSR1, [this] { drain(); }));
  release_signals();
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
  heartbeat_.start(snapshot_->config.global.health.interval);
  notify_service_manager("READY=1");
  loop_.run();
  hold_signals();  // told twice to end, it still ends in its own way
  notify_service_manager("STOPPING=1");
  heartbeat_.stop();
  keeper_.clear();
  for (auto& worker : workers_) worker->stop();
  workers_.clear();
  log_stopped();
}

void Supervisor::stop() {
  // First of all: whoever has the other node's address moved loses no time by what follows here.
  heartbeat_.say(HealthMessage::State::Stopping);
  loop_.stop();
}

std::uint64_t Supervisor::dropped_logs() const {
  std::uint64_t lines = log_.dropped();
  for (const auto& worker : workers_) lines += worker->log().dropped();
  return lines;
}

void Supervisor::drain() {
  if (snapshot_->process->draining.exchange(true)) return;
  // Who comes before the address is elsewhere is served here.
  heartbeat_.say(HealthMessage::State::Draining);
  if (heartbeat_.all_left()) return close_listeners();
  log_.write(Severity::Notice, "Draining: the listeners stay until this node's addresses are elsewhere");
  leaving_timer_.arm(loop_.refresh() + kLeavingPatience);
}

void Supervisor::close_listeners() {
  if (std::exchange(listeners_closed_, true)) return;
  leaving_timer_.disarm();
  const Duration limit = snapshot_->config.global.drain_limit;
  log_.log(Severity::Notice, "Draining: the listeners are closed, {} connections go on{}",
           snapshot_->connections.current(),
           limit > Duration::zero() ? fmt::format(" for at most {}s", to_milliseconds(limit) / 1000)
                                    : std::string());
  notify_service_manager("STATUS=draining");
  for (auto& worker : workers_)
    worker->post([this, &worker = *worker] {
      worker.drain([this] { loop_.post([this] { on_worker_drained(); }); });
    });
  drain_timer_.arm(after(loop_.refresh(), limit));
}

void Supervisor::on_worker_drained() {
  if (++drained_ < workers_.size()) return;
  log_.write(Severity::Notice, "Drained: the last connection has ended");
  stop();
}

void Supervisor::on_drain_limit() {
  log_.log(Severity::Warning, "The drain limit is reached: {} connections are cut",
           snapshot_->connections.current());
  // Before they are asked to stop: what is cut has its line in the log.
  for (auto& worker : workers_) worker->post([&worker = *worker] { worker.end_all_sessions(); });
  stop();
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

void Supervisor::ask_for_room(const std::shared_ptr<balance::Server>& server, unsigned asking) {
  for (unsigned i = 0; i < workers_.size(); ++i)
    if (i != asking)
      workers_[i]->post([&worker = *workers_[i], server] { worker.make_room(*server); });
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
