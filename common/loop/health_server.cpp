#include "common/loop/health_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/health_message.h"

namespace hapair {
namespace {

// Until a descriptor may have become free: who waits for one is no event any more.
constexpr Duration kRetry = std::chrono::milliseconds(100);

}  // namespace

class HealthServer::Acceptor final : public Watcher {
 public:
  Acceptor(HealthServer& server, int fd, const std::string& path)
      : server_(server), fd_(fd), file_(path) {
    server_.loop_.watch(fd_, *this, EPOLLIN);
  }
  ~Acceptor() {
    server_.loop_.forget(fd_, *this);
    ::close(fd_);
  }
  void on_ready(std::uint32_t) override { server_.accept_from(fd_); }
  int fd() const { return fd_; }

 private:
  HealthServer& server_;
  const int fd_;
  UnixSocketFile file_;
};

class HealthServer::Listener final : public Watcher {
 public:
  Listener(HealthServer& server, int fd) : server_(server), fd_(fd) {
    server_.loop_.watch(fd_, *this, EPOLLIN | EPOLLRDHUP);
  }
  ~Listener() {
    server_.loop_.forget(fd_, *this);
    ::close(fd_);
  }
  void on_ready(std::uint32_t) override {
    char bytes[std::max(kHealthLeft.size(), kHealthTaken.size()) + 1];
    for (;;) {
      const ssize_t size = ::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (size < 0 && errno == EAGAIN) return;
      const std::string_view word(bytes, size > 0 ? static_cast<std::size_t>(size) : 0);
      if (word == kHealthTaken) {
        server_.on_taken_();
      } else if (word == kHealthLeft) {
        left_ = true;
        server_.on_left_();
      } else {
        server_.forget(*this);
        return server_.on_left_();
      }
    }
  }
  bool has_left() const { return left_; }
  void forget_left() { left_ = false; }
  /// False: it does not listen.
  bool send(std::string_view message) {
    return ::send(fd_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
  }

 private:
  HealthServer& server_;
  const int fd_;
  bool left_ = false;
};

HealthServer::HealthServer(Loop& loop, std::function<void()> on_left,
                           std::function<void()> on_taken)
    : loop_(loop),
      on_left_(std::move(on_left)),
      on_taken_(std::move(on_taken)),
      retry_timer_(loop, [this] { accept_all(); }) {
  loop_.at_turn_end([this] { gone_.clear(); });
}

HealthServer::~HealthServer() = default;

Result<void> HealthServer::open(const std::string& path, const std::string& user,
                                const std::string& group) {
  const auto fd = listen_unix({.what = "health socket",
                               .path = path,
                               .type = SOCK_SEQPACKET,
                               .mode = 0660,
                               .user = user,
                               .group = group,
                               .backlog = static_cast<int>(kMostListeners)});
  if (!fd) return tl::make_unexpected(fd.error());
  acceptors_[path] = std::make_unique<Acceptor>(*this, *fd, path);
  return {};
}

void HealthServer::close(const std::string& path) { acceptors_.erase(path); }

bool HealthServer::is_open_at(const std::string& path) const { return acceptors_.contains(path); }

void HealthServer::accept_all() {
  for (const auto& [path, acceptor] : acceptors_) accept_from(acceptor->fd());
}

void HealthServer::accept_from(int acceptor) {
  for (;;) {
    const int fd = ::accept4(acceptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (errno != EAGAIN) retry_timer_.arm(loop_.now() + kRetry);  // no descriptor, or no memory
      return;
    }
    if (listeners_.size() == kMostListeners) {
      ::close(fd);
      continue;
    }
    listeners_.push_back(std::make_unique<Listener>(*this, fd));
    if (!last_.empty() && !listeners_.back()->send(last_)) forget(*listeners_.back());
  }
}

void HealthServer::send(std::string message) {
  last_ = std::move(message);
  std::vector<Listener*> deaf;
  for (const auto& listener : listeners_)
    if (!listener->send(last_)) deaf.push_back(listener.get());
  for (Listener* listener : deaf) forget(*listener);
}

bool HealthServer::all_left() const {
  return std::ranges::all_of(listeners_, [](const auto& listener) { return listener->has_left(); });
}

void HealthServer::forget_left() {
  for (const auto& listener : listeners_) listener->forget_left();
}

void HealthServer::forget(Listener& listener) {
  const auto found = std::ranges::find(listeners_, &listener,
                                       [](const auto& held) { return held.get(); });
  if (found == listeners_.end()) return;  // earlier in this turn
  gone_.push_back(std::move(*found));
  listeners_.erase(found);
}

}  // namespace hapair
