#include "proxy/runtime/worker.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <unordered_set>
#include <utility>

namespace hapair::proxy {
namespace {

constexpr Duration kSweepInterval = std::chrono::milliseconds(100);
// An accept() that finds nobody makes a socket first, in vain. So one a turn, and of busy turns, which
// come seldom, one for so many descriptors that are ready.
constexpr int kReadyPerAccept = 4;
// In a session's id: who serves it.
constexpr int kWorkerBits = 8;

}  // namespace

Acceptor::Acceptor(Worker& worker, FrontendState& frontend, const Bind& bind, std::uint64_t id,
                   int fd)
    : worker_(worker), frontend_(&frontend), bind_(&bind), id_(id), fd_(fd) {
  int listening = 0;
  socklen_t length = sizeof listening;
  ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length);
  closed_ = listening == 0;
  watch(!closed_);
  obey_operator();
}

Acceptor::~Acceptor() {
  // Other workers may hold copies of it: closing ours would not end what we hear of it.
  watch(false);
  ::close(fd_);
}

void Acceptor::watch(bool on) {
  if (std::exchange(watched_, on) == on) return;
  // A socket that all workers share (Unix, inherited) wakes one of them for a connection.
  on ? worker_.loop().watch_level(fd_, *this, EPOLLIN | EPOLLEXCLUSIVE)
     : worker_.loop().unwatch(fd_, *this);
}

void Acceptor::serve(FrontendState& frontend, const Bind& bind) {
  const int backlog = bind_->socket.backlog;
  frontend_ = &frontend;
  bind_ = &bind;
  if (bind.socket.backlog != backlog && !closed_) ::listen(fd_, bind.socket.backlog);
  obey_operator();
}

void Acceptor::finish() { accept(kNoEnd); }

void Acceptor::on_ready(std::uint32_t) {
  accept(std::max(1, worker_.loop().ready_count() / kReadyPerAccept));
}

void Acceptor::on_room() {
  if (paused_) accept(kNoEnd);
}

bool Acceptor::has_room() const {
  const Snapshot& all = worker_.snapshot();
  const unsigned own = frontend_->record->maxconn.load(std::memory_order_relaxed);
  const unsigned limit = all.maxconn.load(std::memory_order_relaxed);
  return (limit == 0 || all.connections.current() < limit) &&
         (own == 0 || frontend_->connections.current() < own);
}

void Acceptor::pause() {
  paused_ = true;
  watch(false);
}

void Acceptor::accept(int most) {
  if (closed_) return;
  for (int accepted = 0; accepted != most;) {
    if (!has_room()) return pause();
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      failing_ = false;
      SocketAddress client = SocketAddress::from(reinterpret_cast<sockaddr*>(&peer));
      if (peer.ss_family == AF_UNIX) client.unix_listener = bind_->number;
      worker_.admit(*frontend_, *bind_, fd, client);
      ++accepted;
      continue;
    }
    if (errno == EAGAIN) {
      failing_ = paused_ = false;
      return watch(true);
    }
    if (errno == ECONNABORTED || errno == EINTR) continue;
    // A client is worth more than a server connection that waits for use.
    if ((errno == EMFILE || errno == ENFILE) && worker_.close_idle()) continue;
    // No descriptor or no memory: those who wait are tried again with the next sweep. Said once.
    const int error_number = errno;
    pause();
    if (std::exchange(failing_, true)) return;
    worker_.log().log(Severity::Emergency, "Proxy {}: cannot accept a connection: {}",
                      frontend_->config.name, std::generic_category().message(error_number));
    return;
  }
}

void Acceptor::obey_operator() {
  const bool closed =
      frontend_->record->door.load(std::memory_order_relaxed) != FrontendRecord::Door::Open;
  if (closed == closed_) return;
  closed_ = closed;
  int family = 0;
  socklen_t length = sizeof family;
  ::getsockopt(fd_, SOL_SOCKET, SO_DOMAIN, &family, &length);
  // Refuses clients, and keeps the port. A Unix socket could not be opened again: there they wait.
  const bool refuses = family == AF_INET || family == AF_INET6;
  if (closed && refuses) ::shutdown(fd_, SHUT_RD);
  if (closed) return watch(false);
  if (refuses && ::listen(fd_, bind_->socket.backlog) < 0)
    worker_.log().log(Severity::Emergency, "Proxy {}: cannot listen again: {}",
                      frontend_->config.name, std::generic_category().message(errno));
  paused_ = true;  // somebody may have come
  on_room();
}

Worker::Worker(std::shared_ptr<Snapshot> snapshot, unsigned index, StatsService& statistics,
               const std::vector<LogTarget>& extra_log, std::vector<Listener> listeners,
               PostGrant post_grant, PostErrors post_errors, PostRoom post_room)
    : index_(index),
      statistics_(statistics),
      post_grant_(std::move(post_grant)),
      post_errors_(std::move(post_errors)),
      post_room_(std::move(post_room)),
      log_(loop_, joined(snapshot->config.global.log, extra_log), snapshot->config.global.log_tag),
      extra_log_(extra_log),
      sweep_timer_(loop_, [this] { sweep(); }) {
  current_ = make_generation(std::move(snapshot));
  serving_ = current_.get();
  loop_.at_turn_end([this] { bury(); });
  listen(listeners);
}

Worker::~Worker() {
  stop();
  // What uses server connections goes before the pools they came from.
  sessions_.clear();
  dead_sessions_.clear();
  relays_.clear();
  older_.clear();
  current_.reset();
}

std::unique_ptr<Generation> Worker::make_generation(std::shared_ptr<Snapshot> snapshot) {
  struct Known {
    std::shared_ptr<ServerPool> pool;
    Approach approach;
  };
  std::unordered_map<const balance::Server*, Known> known;
  const auto note = [&](const Generation& generation) {
    for (const auto& backend : generation.snapshot->backends)
      for (std::size_t i = 0; i < backend->servers.size(); ++i)
        known[backend->farm[i].get()] = {generation.pools[backend->index][i],
                                         backend->servers[i]->config.approach};
  };
  for (const auto& generation : older_) note(*generation);
  if (current_) note(*current_);

  auto generation = std::make_unique<Generation>(std::move(snapshot));
  for (const auto& backend : generation->snapshot->backends) {
    auto& pools = generation->pools.emplace_back();
    for (const auto& server : backend->servers) {
      const auto found = known.find(server->live.get());
      // A connection that was made another way is another connection.
      const bool stays =
          found != known.end() && found->second.approach == server->config.approach;
      pools.push_back(
          stays ? found->second.pool
                : std::make_shared<ServerPool>(loop_, buffers_, dead_servers_, server->live));
    }
  }
  const Config& config = generation->snapshot->config;
  for (const auto& frontend : generation->snapshot->frontends) {
    std::vector<LogTarget> targets = joined(frontend->config.log, extra_log_);
    if (frontend->config.log_to_global) targets = joined(std::move(targets), config.global.log);
    frontend->log_routes[index_] = log_.open(targets);
  }
  return generation;
}

void Worker::listen(const std::vector<Listener>& listeners) {
  std::vector<std::unique_ptr<Acceptor>> before = std::exchange(acceptors_, {});
  for (const Listener& listener : listeners) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const auto& acceptor) {
      return acceptor && acceptor->id() == listener.id;
    });
    if (same == before.end()) {
      acceptors_.push_back(
          std::make_unique<Acceptor>(*this, *listener.frontend, *listener.bind, listener.id, listener.fd));
    } else {
      (*same)->serve(*listener.frontend, *listener.bind);
      acceptors_.push_back(std::move(*same));
    }
  }
}

void Worker::adopt(std::shared_ptr<Snapshot> snapshot, std::vector<Listener> listeners) {
  loop_.refresh();
  for (const auto& acceptor : acceptors_)
    if (std::none_of(listeners.begin(), listeners.end(),
                     [&](const Listener& listener) { return listener.id == acceptor->id(); }))
      acceptor->finish();
  log_.redirect(joined(snapshot->config.global.log, extra_log_));
  auto generation = make_generation(std::move(snapshot));
  older_.push_back(std::exchange(current_, std::move(generation)));
  serving_ = current_.get();
  listen(listeners);
  for (const auto& session : sessions_) session->on_reload();
  // Whoever waits asks again in the order of arrival. Each may find its slot at once and be done,
  // so they are not visited while they are listed.
  std::vector<std::uint64_t> names;
  for (const auto& [name, dispatch] : waiters_) names.push_back(name);
  std::sort(names.begin(), names.end());
  for (const std::uint64_t name : names)
    if (const auto found = waiters_.find(name); found != waiters_.end())
      found->second->queue_anew();
  // Connections to servers that left have nobody to wait for.
  std::unordered_set<const ServerPool*> used;
  for (const auto& pools : current_->pools)
    for (const auto& pool : pools) used.insert(pool.get());
  for_each_pool([&](ServerPool& pool) {
    if (!used.contains(&pool)) pool.close_all();
  });
}

void Worker::drain(std::function<void()> on_drained) {
  loop_.refresh();
  for (const auto& acceptor : acceptors_) acceptor->finish();
  acceptors_.clear();
  serving_ = nullptr;
  on_drained_ = std::move(on_drained);
  for (const auto& session : sessions_) session->on_drain();
}

bool Worker::is_accepting() const {
  return std::ranges::all_of(acceptors_, [](const auto& acceptor) { return acceptor->is_working(); });
}

Generation& Worker::older_generation_of(const BackendState& backend) {
  for (const auto& generation : older_)
    if (generation->snapshot.get() == &backend.snapshot) return *generation;
  std::abort();  // whoever names a backend keeps its generation
}

void Worker::release_slot(BackendState& backend, int server) {
  if (server == balance::kNoServer) return;
  BackendState& there = newest(backend);
  const int index =
      &there == &backend ? server : there.index_of(*backend.farm[static_cast<std::size_t>(server)]);
  if (index == balance::kNoServer) return post_grant(backend.admission->release(server), backend);
  post_grant(there.admission->release(index), there);
  while (const auto more = there.admission->surplus()) post_grant(more, there);
}

void Worker::start() {
  // Signals belong to the main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), ("worker-" + std::to_string(index_)).c_str());
    sweep();
    loop_.run();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Duration Worker::processor_time() const {
  clockid_t clock{};
  timespec had{};
  if (!thread_.joinable()) return {};
  if (pthread_getcpuclockid(const_cast<std::thread&>(thread_).native_handle(), &clock) != 0 ||
      clock_gettime(clock, &had) != 0)
    return {};
  return std::chrono::seconds(had.tv_sec) + std::chrono::nanoseconds(had.tv_nsec);
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] { loop_.stop(); });
  thread_.join();
}

RequestRelay& Worker::take_relay() {
  if (free_relays_.empty())
    return relays_.emplace_back(*this);
  RequestRelay& relay = *free_relays_.back();
  free_relays_.pop_back();
  return relay;
}

void Worker::on_grant(const balance::Grant& grant, BackendState& backend) {
  const auto found = waiters_.find(grant.request);
  if (found == waiters_.end()) return release_slot(backend, grant.server);
  Dispatch& dispatch = *found->second;
  waiters_.erase(found);
  loop_.refresh();
  dispatch.on_granted(grant.server);
}

void Worker::admit(FrontendState& frontend, const Bind& bind, int fd, const SocketAddress& peer) {
  snapshot().connections.enter();
  frontend.connections.enter();
  stats::FrontendCounters& counters = frontend.counters[index_];
  ++counters.connections;
  ++counters.sessions;
  counters.connection_rate.count(loop_.now());
  counters.session_rate.count(loop_.now());
  if (bind.accept_proxy) return greet(frontend, bind, fd, peer);
  serve(*current_, frontend, fd, peer, nullptr);
}

void Worker::serve(Generation& generation, FrontendState& frontend, int fd,
                   const SocketAddress& peer, const SocketAddress* destination) {
  const auto add = [&]<typename SessionType>() -> SessionType& {
    SessionType& session = add_session<SessionType>(generation, frontend, fd, peer);
    if (destination) session.set_announced_destination(*destination);
    return session;
  };
  if (frontend.config.mode == Mode::Tcp)
    return add.template operator()<RelaySession>().begin();
  // What made the kernel hand the connection over is usually the request itself.
  add.template operator()<ClientSession>().on_ready(EPOLLIN);
}

void Worker::greet(FrontendState& frontend, const Bind& bind, int fd, const SocketAddress& peer) {
  auto& greeting = add_session<ProxyGreeting>(*current_, frontend, fd, peer, bind.number);
  if (bind.accept_proxy->trusts(peer)) return greeting.on_ready(EPOLLIN);
  greeting.refuse("a PROXY header from a network that is not trusted");
}

void Worker::on_announced(ProxyGreeting& greeting, int fd, const SocketAddress& client,
                          const SocketAddress* destination) {
  remove(greeting);  // lives until the end of this turn
  serve(greeting.generation(), greeting.frontend(), fd, client, destination);
}

template <typename SessionType, typename... Extra>
SessionType& Worker::add_session(Generation& generation, FrontendState& frontend, int fd,
                                 const SocketAddress& peer, Extra... extra) {
  auto session = std::make_unique<SessionType>(*this, generation, frontend, fd, peer, extra...);
  SessionType& added = *session;
  added.slot = sessions_.size();
  added.id = ++last_session_ << kWorkerBits | index_;
  sessions_.push_back(std::move(session));
  return added;
}

void Worker::retire(Session& session) {
  snapshot().connections.leave();
  session.frontend().connections.leave();
  remove(session);
}

void Worker::remove(Session& session) {
  const std::size_t slot = session.slot;
  dead_sessions_.push_back(std::move(sessions_[slot]));
  if (slot + 1 != sessions_.size()) {
    sessions_[slot] = std::move(sessions_.back());
    sessions_[slot]->slot = slot;
  }
  sessions_.pop_back();
}

void Worker::bury() {
  dead_servers_.clear();
  const bool left = !dead_sessions_.empty();
  dead_sessions_.clear();
  if (!older_.empty())
    std::erase_if(older_, [this](const auto& generation) {
      if (generation->users > 0) return false;
      for (const auto& frontend : generation->snapshot->frontends)
        log_.close(frontend->log_routes[index_]);
      return true;
    });
  if (on_drained_ && sessions_.empty()) std::exchange(on_drained_, nullptr)();
  if (!left) return;
  for (auto& acceptor : acceptors_) acceptor->on_room();
}

template <typename Visit>
void Worker::for_each_pool(Visit visit) {
  const auto visit_all = [&](Generation& generation) {
    for (auto& backend : generation.pools)
      for (auto& pool : backend) visit(*pool);
  };
  visit_all(*current_);
  for (const auto& generation : older_) visit_all(*generation);
}

std::vector<SessionView> Worker::view_sessions() const {
  std::vector<SessionView> views;
  views.reserve(sessions_.size());
  for (const auto& session : sessions_) {
    SessionView& view = views.emplace_back();
    view.id = session->id;
    view.worker = index_;
    view.frontend = session->frontend().config.name;
    session->describe(view);
  }
  return views;
}

bool Worker::end_session(std::uint64_t id) {
  loop_.refresh();
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [id](const auto& session) { return session->id == id; });
  if (found == sessions_.end()) return false;
  (*found)->end_because(EndCause::Operator);
  return true;
}

template <typename Chosen>
std::size_t Worker::end_sessions_if(Chosen chosen, EndCause cause) {
  loop_.refresh();
  // Ending one changes the list.
  std::vector<Session*> ending;
  for (const auto& session : sessions_)
    if (chosen(*session)) ending.push_back(session.get());
  for (Session* session : ending) session->end_because(cause);
  return ending.size();
}

void Worker::end_sessions_of(const balance::Server& server, EndCause cause) {
  end_sessions_if([&](const Session& session) { return session.server() == &server; }, cause);
}

void Worker::end_all_sessions() {
  end_sessions_if([](const Session&) { return true; }, EndCause::Operator);
}

std::size_t Worker::end_sessions_at(std::string_view backend, std::string_view server) {
  return end_sessions_if(
      [&](const Session& session) {
        SessionView view;
        session.describe(view);
        return view.backend == backend && view.server == server;
      },
      EndCause::Operator);
}

void Worker::obey_operator() {
  loop_.refresh();
  for (auto& acceptor : acceptors_) {
    acceptor->obey_operator();
    acceptor->on_room();
  }
}

template <typename Visit>
void Worker::for_each_pool_of(const balance::Server& server, Visit visit) {
  const auto visit_its = [&](Generation& generation) {
    for (const auto& backend : generation.snapshot->backends)
      for (std::size_t i = 0; i < backend->farm.size(); ++i)
        if (backend->farm[i].get() == &server) visit(*generation.pools[backend->index][i]);
  };
  visit_its(*current_);
  for (const auto& generation : older_) visit_its(*generation);
}

void Worker::on_server_moved(const balance::Server& server) {
  for_each_pool_of(server, [](ServerPool& pool) { pool.renew(); });
}

void Worker::make_room(const balance::Server& server) {
  loop_.refresh();
  for_each_pool_of(server, [](ServerPool& pool) { pool.shed(); });
}

void Worker::clear_counters(bool all) {
  const auto clear = [all](auto& counters) { all ? counters.clear() : counters.clear_peaks(); };
  snapshot().process->clear_frontends(index_, all);
  for (const auto& backend : snapshot().backends) {
    clear(backend->counters[index_]);
    for (const auto& server : backend->servers) clear(server->counters[index_]);
  }
}

bool Worker::close_idle() {
  bool closed = false;
  for_each_pool([&](ServerPool& pool) {
    closed = closed || pool.idle() > 0;
    pool.close_overdue(kNever);
  });
  if (closed) return true;
  for_each_pool([&](ServerPool& pool) {
    closed = closed || pool.has_private();
    pool.close_all();
  });
  return closed;
}

void Worker::close_private(std::uint64_t client) {
  for_each_pool([client](ServerPool& pool) { pool.close_private(client); });
}

void Worker::sweep() {
  for_each_pool([&](ServerPool& pool) {
    pool.close_overdue(loop_.now());
    pool.shed();
  });
  // Room may have come from another worker's clients.
  for (auto& acceptor : acceptors_) acceptor->on_room();
  sweep_timer_.arm(loop_.now() + kSweepInterval);
}

void Worker::log_access(const Session& session, const StreamSocket& client,
                        exchange::AccessRecord& record) {
  FrontendState& frontend = session.frontend();
  const Frontend& config = frontend.config;
  if (config.log_format == LogFormat::None) return;
  if (frontend.logs_numbers) record.number = snapshot().process->numbered_requests++;
  Severity severity = Severity::Info;
  if (config.log_errors_only || config.log_separate_errors) {
    const bool well = exchange::went_well(record);
    if (config.log_errors_only && well) return;
    if (config.log_separate_errors && !well) severity = Severity::Error;
  }
  const LogRoute route = frontend.log_routes[index_];
  if (!log_.wants(route, severity)) return;
  record.process_connections = snapshot().connections.current();
  record.frontend_connections = frontend.connections.current();
  record.date = log_.now() - (loop_.now() - record.start);
  const std::size_t limit = log_.longest();
  if (config.log_format == LogFormat::Custom) {
    SocketAddress destination;
    if (frontend.logs_destination) {
      destination = record.client.unix_listener != 0 ? record.client : session.destination(client);
      record.destination = &destination;
    }
    if (frontend.logs_numbers) record.line_number = frontend.record->log_lines++;
    log_pattern(config.log_pattern, route, severity, record);
    record.destination = nullptr;  // it ends here
    return;
  }
  char* const at = log_.begin_line(route, severity, exchange::line_room(record, limit));
  if (!at) return;
  log_.end_line(config.log_format == LogFormat::Http
                    ? exchange::put_httplog(at, record, access_clock_, limit)
                    : exchange::put_tcplog(at, record, access_clock_));
}

void Worker::log_pattern(const LogPattern& pattern, LogRoute route, Severity severity,
                         const exchange::AccessRecord& record) {
  const std::size_t limit = log_.longest();
  char* const at = log_.begin_line(route, severity, exchange::pattern_room(pattern, record, limit));
  if (!at) return;
  log_.end_line(pattern.json ? exchange::put_object(at, pattern, record, access_clock_, limit,
                                                    log_.shortest_text(route))
                             : exchange::put_pattern(at, pattern, record, access_clock_, limit));
}

void Worker::log_refusal(const FrontendState& frontend, const SocketAddress& peer,
                         unsigned listener, std::string_view why) {
  const Severity severity = frontend.config.log_separate_errors ? Severity::Error : Severity::Info;
  const std::string line = exchange::refusal_line(peer, access_clock_.stamp(log_.now()),
                                                  frontend.config.name, listener, why);
  char* const at = log_.begin_line(frontend.log_routes[index_], severity, line.size());
  if (at) log_.end_line(std::copy(line.begin(), line.end(), at));
}

}  // namespace hapair::proxy
