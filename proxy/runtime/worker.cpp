#include "proxy/runtime/worker.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace hapair::proxy {
namespace {

constexpr Duration kSweepInterval = std::chrono::milliseconds(100);
constexpr int kAcceptsPerTurn = 64;

}  // namespace

Acceptor::Acceptor(Worker& worker, FrontendState& frontend, int fd)
    : worker_(worker), frontend_(frontend), fd_(fd) {
  worker_.loop().watch(fd_, *this, EPOLLIN);
}

Acceptor::~Acceptor() { ::close(fd_); }

void Acceptor::on_ready(std::uint32_t) { accept_all(); }

void Acceptor::on_room() {
  if (paused_) accept_all();
}

bool Acceptor::has_room() const {
  const Snapshot& all = worker_.snapshot();
  const unsigned own = frontend_.config.maxconn;
  return (all.maxconn == 0 || all.connections.current() < all.maxconn) &&
         (own == 0 || frontend_.connections.current() < own);
}

void Acceptor::accept_all() {
  const bool was_paused = std::exchange(paused_, false);
  for (int accepted = 0;; ++accepted) {
    if (!has_room()) {
      paused_ = true;
      return;
    }
    if (accepted == kAcceptsPerTurn) return worker_.loop().resume(*this, EPOLLIN);
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      worker_.admit(frontend_, fd, SocketAddress::from(reinterpret_cast<sockaddr*>(&peer)));
      continue;
    }
    if (errno == EAGAIN) return;
    if (errno == ECONNABORTED || errno == EINTR) continue;
    // No descriptor or no memory: those who wait are tried again with the next sweep. Said once.
    const int error_number = errno;
    paused_ = true;
    if (was_paused) return;
    worker_.log().log(Severity::Emergency, "Proxy {}: cannot accept a connection: {}",
                      frontend_.config.name, std::generic_category().message(error_number));
    return;
  }
}

Worker::Worker(Snapshot& snapshot, unsigned index, StatsService& statistics,
               const std::vector<LogTarget>& log, std::vector<Listener> listeners,
               PostGrant post_grant)
    : snapshot_(snapshot),
      index_(index),
      statistics_(statistics),
      post_grant_(std::move(post_grant)),
      log_(loop_, log, snapshot.config.global.log_tag),
      sweep_timer_(loop_, [this] { sweep(); }) {
  for (const auto& backend : snapshot_.backends) {
    auto& pools = pools_.emplace_back();
    for (std::size_t i = 0; i < backend->servers.size(); ++i)
      pools.push_back(std::make_unique<ServerPool>(loop_, buffers_, dead_servers_));
  }
  loop_.at_turn_end([this] { bury(); });
  for (const Listener& listener : listeners)
    acceptors_.push_back(std::make_unique<Acceptor>(*this, *listener.frontend, listener.fd));
}

Worker::~Worker() {
  stop();
  // What uses server connections goes before the pools they came from.
  sessions_.clear();
  relays_.clear();
  pools_.clear();
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
  if (found == waiters_.end()) return post_grant(backend.admission->release(grant.server), backend);
  Dispatch& dispatch = *found->second;
  waiters_.erase(found);
  loop_.refresh();
  dispatch.on_granted(grant.server);
}

void Worker::admit(FrontendState& frontend, int fd, const SocketAddress& peer) {
  snapshot_.connections.enter();
  frontend.connections.enter();
  stats::FrontendCounters& counters = frontend.counters[index_];
  ++counters.connections;
  ++counters.sessions;
  counters.connection_rate.count(loop_.now());
  counters.session_rate.count(loop_.now());
  if (frontend.config.mode == Mode::Tcp)
    return add_session<RelaySession>(frontend, fd, peer).begin();
  // What made the kernel hand the connection over is usually the request itself.
  add_session<ClientSession>(frontend, fd, peer).on_ready(EPOLLIN);
}

template <typename SessionType>
SessionType& Worker::add_session(FrontendState& frontend, int fd, const SocketAddress& peer) {
  auto session = std::make_unique<SessionType>(*this, frontend, fd, peer);
  SessionType& added = *session;
  added.slot = sessions_.size();
  sessions_.push_back(std::move(session));
  return added;
}

void Worker::retire(Session& session) {
  snapshot_.connections.leave();
  session.frontend().connections.leave();
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
  if (dead_sessions_.empty()) return;
  dead_sessions_.clear();
  for (auto& acceptor : acceptors_) acceptor->on_room();
}

bool Worker::close_idle() {
  bool closed = false;
  for (auto& backend : pools_) {
    for (auto& pool : backend) {
      closed = closed || pool->idle() > 0;
      pool->close_overdue(kNever);
    }
  }
  return closed;
}

void Worker::sweep() {
  for (auto& backend : pools_)
    for (auto& pool : backend) pool->close_overdue(loop_.now());
  // Room may have come from another worker's clients.
  for (auto& acceptor : acceptors_) acceptor->on_room();
  sweep_timer_.arm(loop_.now() + kSweepInterval);
}

void Worker::log_access(FrontendState& frontend, exchange::AccessRecord& record) {
  if (frontend.config.log_format == LogFormat::None || !log_.wants(Severity::Info)) return;
  record.process_connections = snapshot_.connections.current();
  record.frontend_connections = frontend.connections.current();
  line_.clear();
  if (frontend.config.log_format == LogFormat::Http) {
    exchange::append_httplog(line_, record, access_clock_);
  } else {
    exchange::append_tcplog(line_, record, access_clock_);
  }
  log_.write(Severity::Info, line_);
}

}  // namespace hapair::proxy
