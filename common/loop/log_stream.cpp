#include "common/loop/log_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "common/loop/log_address.h"

namespace hapair {
namespace {

using namespace std::chrono_literals;

constexpr Duration kRetry = 1s;
constexpr Duration kConnectTime = 5s;
// Unanswered bytes mean a dead peer after this, however long TCP itself would go on.
constexpr unsigned kDeadAfter = 30'000;  // ms
constexpr std::size_t kMostKept = 256 * 1024;
constexpr int kLastWait = 200;  // ms, at the end of the process
constexpr int kReadsPerTurn = 4;

}  // namespace

LogStream::LogStream(Loop& loop, const LogTarget& where, const LogSpeaker& speaker)
    : LogSink(where, speaker), loop_(loop), timer_(loop, [this] { on_due(); }) {
  connect();
}

LogStream::~LogStream() {
  if (fd_ < 0) return;
  loop_.forget(fd_, *this);
  ::close(fd_);
}

void LogStream::connect() {
  const bool tcp = target.transport == LogTarget::Transport::Tcp;
  sockaddr_storage address{};
  const socklen_t length = log_address(target, address);
  fd_ = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return fail();
  if (tcp) ::setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &kDeadAfter, sizeof kDeadAfter);
  state_ = State::Connecting;
  const bool done = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0;
  if (!done && errno != EINPROGRESS) return fail();
  loop_.watch(fd_, *this);  // room to write says that it is connected
  timer_.arm(steady_now() + kConnectTime);
}

void LogStream::on_due() {
  if (state_ == State::Closed) return connect();
  fail();
}

void LogStream::fail() {
  if (fd_ >= 0) {
    loop_.forget(fd_, *this);
    ::close(fd_);
  }
  fd_ = -1;
  state_ = State::Closed;
  if (partial_ > 0) {
    batch.drop_front(1);
    partial_ = 0;
    ++lost_;
  }
  timer_.arm(steady_now() + kRetry);
}

void LogStream::on_ready(std::uint32_t events) {
  if (state_ == State::Connecting && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
    int error_number = 0;
    socklen_t length = sizeof error_number;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_number, &length);
    if (error_number != 0) return fail();
    state_ = State::Open;
    timer_.disarm();
  }
  if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) return fail();
  if (events & EPOLLIN) {
    // Nobody has anything to say to us.
    char ignored[4096];
    int reads = 0;
    while (::recv(fd_, ignored, sizeof ignored, 0) > 0)
      if (++reads == kReadsPerTurn) {
        loop_.resume(*this, EPOLLIN);
        break;
      }
  }
  if (state_ == State::Open) send();
}

void LogStream::send() {
  while (state_ == State::Open && !batch.empty()) {
    const std::string_view waiting = batch.run(0, batch.lines()).substr(partial_);
    const ssize_t taken = ::send(fd_, waiting.data(), waiting.size(), MSG_NOSIGNAL);
    if (taken < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) fail();
      return;
    }
    partial_ += static_cast<std::size_t>(taken);
    std::size_t whole = 0, size = 0;
    while (whole < batch.lines() && size + batch.line(whole).size() <= partial_)
      size += batch.line(whole++).size();
    partial_ -= size;
    if (whole == batch.lines())
      batch.clear();
    else
      batch.drop_front(whole);
  }
}

LogSink::Outcome LogStream::flush() {
  if (state_ == State::Open) send();
  lost_ += batch.trim(kMostKept);
  if (batch.empty()) partial_ = 0;
  return {std::exchange(lost_, 0), state_ == State::Open && batch.empty()};
}

std::uint64_t LogStream::finish() {
  const TimePoint end = steady_now() + std::chrono::milliseconds(kLastWait);
  for (send(); fd_ >= 0 && !batch.empty() && steady_now() < end; on_ready(EPOLLOUT)) {
    pollfd room{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (::poll(&room, 1, kLastWait) != 1) break;
    if (room.revents & (POLLERR | POLLHUP)) break;
  }
  return leave();
}

std::uint64_t LogStream::leave() {
  send();
  lost_ += batch.lines();
  batch.clear();
  partial_ = 0;
  return std::exchange(lost_, 0);
}

}  // namespace hapair
