#include "common/loop/control_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>

#include "common/unix_listen.h"

namespace hapair {
namespace {

constexpr int kBacklog = 64;
// What all clients together have of a turn of the loop; then everybody else has theirs. A step is
// never interrupted, and each client has one.
constexpr Duration kTurn = std::chrono::milliseconds(2);
// After our last byte, how long we wait for the client to hear it and close.
constexpr Duration kLinger = std::chrono::seconds(1);
// Until a descriptor may have become free: who waits for one is no event any more.
constexpr Duration kRetry = std::chrono::milliseconds(100);

int new_socket(int family) {
  return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

FileRights::Wanted rights_of(const ControlSocket& where) {
  return {where.user, where.group, where.mode};
}

Result<int> listen_tcp(const SocketAddress& address) {
  const int fd = new_socket(address.ip.is_v4() ? AF_INET : AF_INET6);
  if (fd < 0) return fail_errno(errno, "control socket {}", address.to_string());
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage raw{};
  const socklen_t length = address.to_sockaddr(raw);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&raw), length) == 0 && ::listen(fd, kBacklog) == 0)
    return fd;
  const int error_number = errno;
  ::close(fd);
  return fail_errno(error_number, "control socket {}: cannot listen there", address.to_string());
}

/// The descriptor that listens there.
Result<int> listen_at(const ControlSocket& where) {
  if (where.path.empty()) return listen_tcp(*where.address);
  return listen_unix({.what = "control socket",
                      .path = where.path,
                      .type = SOCK_STREAM,
                      .mode = where.mode,
                      .user = where.user,
                      .group = where.group,
                      .backlog = kBacklog});
}

}  // namespace

class ControlServer::Listener final : public Watcher {
 public:
  Listener(ControlServer& server, const ControlSocket& where, int fd)
      : server_(server), where_(where), fd_(fd) {
    if (!where_.path.empty()) file_.emplace(where_.path);
    server_.loop_.watch(fd_, *this, EPOLLIN);
  }
  ~Listener() {
    server_.loop_.forget(fd_, *this);
    ::close(fd_);
  }

  void on_ready(std::uint32_t) override { server_.accept_from(*this); }

  int fd() const { return fd_; }
  const ControlSocket& where() const { return where_; }
  void set_where(const ControlSocket& where) { where_ = where; }

 private:
  ControlServer& server_;
  ControlSocket where_;
  const int fd_;
  std::optional<UnixSocketFile> file_;
};

class ControlServer::Client final : public Watcher {
 public:
  Client(ControlServer& server, std::uint64_t name, int fd, const ControlSocket& where)
      : server_(server),
        name_(name),
        fd_(fd),
        conversation_(server.owner_.verbs(), where.level, where.timeout, server.owner_.pages()),
        timer_(server.loop_, [this] { close(); }) {
    server_.loop_.watch(fd_, *this);
    timer_.arm(server_.loop_.now() + conversation_.timeout());
  }
  ~Client() {
    if (fd_ >= 0) ::close(fd_);
  }

  void on_ready(std::uint32_t events) override {
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
    // An operator who hangs up while the answer is made does not want it any more.
    if ((events & (EPOLLHUP | EPOLLERR)) && conversation_.is_waiting_for_answer()) return close();
    pump();
  }

  void on_reply(std::string_view text) {
    conversation_.on_answer(text);
    // Whatever making it took is not the client's time.
    timer_.arm(server_.loop_.refresh() + conversation_.timeout());
    pump();
  }

 private:
  /// Backpressure as everywhere: nothing is read, and no command begun, while answers wait to be
  /// taken.
  void pump() {
    if (pumping_) return;  // an answer that was given at once: the loop below goes on
    pumping_ = true;
    for (bool first = true; fd_ >= 0 && flush() && !conversation_.is_waiting_for_answer();
         first = false) {
      // Whatever a client does that we go on for: one that never stops sending is heard by turns.
      if (!first && server_.is_turn_over()) {
        server_.loop_.cancel_resume(*this);
        server_.loop_.resume(*this, EPOLLIN);
        break;
      }
      if (lingering_) {
        if (!discard()) break;
        continue;
      }
      if (const auto line = conversation_.next()) {
        timer_.disarm();
        server_.owner_.carry_out(*line, conversation_.level(),
                                 [&server = server_, name = name_](std::string_view text) {
                                   server.on_reply(name, text);
                                 });
        continue;
      }
      if (!conversation_.output().empty()) continue;
      if (conversation_.is_over()) {
        finish();
      } else if (!read()) {
        break;
      }
    }
    pumping_ = false;
  }

  /// False: the client has not taken all of it, or is gone.
  bool flush() {
    std::string& output = conversation_.output();
    while (sent_ < output.size()) {
      const ssize_t sent =
          ::send(fd_, output.data() + sent_, output.size() - sent_, MSG_NOSIGNAL);
      if (sent > 0) {
        sent_ += static_cast<std::size_t>(sent);
        timer_.arm(server_.loop_.now() + conversation_.timeout());
      } else if (errno == EAGAIN) {
        return false;
      } else if (errno != EINTR) {
        close();
        return false;
      }
    }
    output.clear();
    sent_ = 0;
    return true;
  }

  /// False: there is nothing to read now.
  bool read() {
    if (!readable_) return false;
    char bytes[4096];
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    if (got > 0) {
      timer_.arm(server_.loop_.now() + conversation_.timeout());
      conversation_.on_bytes({bytes, static_cast<std::size_t>(got)});
    } else if (got == 0) {
      conversation_.on_end();
    } else if (errno == EAGAIN) {
      readable_ = false;
      return false;
    } else if (errno != EINTR) {
      close();
      return false;
    }
    return true;
  }

  /// Says that no more will come, and stays until the client has heard it: closing over bytes that
  /// were not read would destroy the answer on its way.
  void finish() {
    ::shutdown(fd_, SHUT_WR);
    lingering_ = true;
    timer_.arm(server_.loop_.now() + kLinger);
  }

  /// False: nothing to read, or closed.
  bool discard() {
    if (!readable_) return false;
    char bytes[4096];
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    if (got > 0 || (got < 0 && errno == EINTR)) return true;
    readable_ = false;
    if (got == 0 || errno != EAGAIN) close();
    return false;
  }

  void close() {
    if (fd_ < 0) return;
    timer_.disarm();
    server_.loop_.forget(fd_, *this);
    ::close(std::exchange(fd_, -1));
    server_.on_client_gone(name_);
  }

  ControlServer& server_;
  const std::uint64_t name_;
  int fd_;
  control::Conversation conversation_;
  Timer timer_;
  std::size_t sent_ = 0;  // of the conversation's output
  bool readable_ = false;
  bool pumping_ = false;
  bool lingering_ = false;
};

ControlServer::ControlServer(Loop& loop, ControlOwner& owner)
    : loop_(loop), owner_(owner), retry_timer_(loop, [this] { accept_again(); }) {
  loop_.at_turn_end([weak = std::weak_ptr(self_)] {
    const auto self = weak.lock();
    if (!self) return;
    (*self)->dead_.clear();
    (*self)->turn_ends_ = kNever;
  });
}

ControlServer::~ControlServer() = default;

Result<void> ControlServer::open(const ControlSocket& where) {
  const auto fd = listen_at(where);
  if (!fd) return tl::make_unexpected(fd.error());
  listeners_.push_back(std::make_unique<Listener>(*this, where, *fd));
  return {};
}

// The one at the same place.
template <typename Listeners>
auto ControlServer::find_listener(Listeners& listeners, const ControlSocket& where) {
  return std::find_if(listeners.begin(), listeners.end(), [&](const auto& listener) {
    return listener->where().name() == where.name();
  });
}

ControlServer::Change::Change() = default;
ControlServer::Change::~Change() = default;

Result<std::unique_ptr<ControlServer::Change>> ControlServer::prepare(
    const std::vector<ControlSocket>& wanted) {
  auto change = std::make_unique<Change>();
  change->wanted_ = wanted;
  for (const ControlSocket& where : wanted) {
    const auto same = find_listener(listeners_, where);
    if (same != listeners_.end()) {
      const auto before = rights_of((*same)->where()), after = rights_of(where);
      if (where.path.empty() || before == after) continue;
      auto rights = FileRights::change(where.path, before, after);
      if (!rights)
        return fail(rights.error().code, "control socket {}: {}", where.path, rights.error().message);
      change->rights_.push_back(*std::move(rights));
      continue;
    }
    const auto fd = listen_at(where);
    if (!fd) return tl::make_unexpected(fd.error());
    change->opened_.push_back(std::make_unique<Listener>(*this, where, *fd));
  }
  return change;
}

void ControlServer::commit(Change& change) {
  auto all = std::exchange(listeners_, {});
  std::move(change.opened_.begin(), change.opened_.end(), std::back_inserter(all));
  for (const ControlSocket& where : change.wanted_) {
    auto& listener = *find_listener(all, where);
    listener->set_where(where);
    listeners_.push_back(std::move(listener));
    std::erase(all, nullptr);
  }
  for (FileRights& rights : change.rights_) rights.keep();
}

bool ControlServer::is_turn_over() {
  const TimePoint now = steady_now();
  if (turn_ends_ == kNever) turn_ends_ = now + kTurn;
  return now >= turn_ends_;
}

void ControlServer::accept_from(Listener& listener) {
  while (clients_.size() < kMostClients) {
    const int fd = ::accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (errno != EAGAIN) retry_timer_.arm(loop_.now() + kRetry);  // no descriptor, or no memory
      return;
    }
    const std::uint64_t name = ++last_name_;
    clients_.emplace(name, std::make_unique<Client>(*this, name, fd, listener.where()));
  }
}

void ControlServer::on_client_gone(std::uint64_t name) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return;
  dead_.push_back(std::move(found->second));
  clients_.erase(found);
  accept_again();
}

/// An edge comes only once: those who were kept waiting are taken in now.
void ControlServer::accept_again() {
  for (const auto& listener : listeners_) loop_.resume(*listener, EPOLLIN);
}

void ControlServer::on_reply(std::uint64_t name, std::string_view text) {
  if (const auto found = clients_.find(name); found != clients_.end())
    found->second->on_reply(text);
}

}  // namespace hapair
