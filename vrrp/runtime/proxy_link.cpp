#include "vrrp/runtime/proxy_link.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "common/address.h"
#include "vrrp/net/process_table.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// A proxy that starts is heard of soon; one that is not there costs a system call each time.
constexpr Duration kBetweenTries = 20ms;

}  // namespace

ProxyLink::ProxyLink(Loop& loop, std::string path, ProxyWatch::Settings settings,
                     std::function<void()> on_change)
    : loop_(loop),
      path_(std::move(path)),
      watch_(std::move(settings)),
      on_change_(std::move(on_change)),
      timer_(loop, [this] { on_due(); }),
      told_(watch_.trouble()) {
  retry_at_ = loop_.now();
  timer_.arm(retry_at_);
}

ProxyLink::~ProxyLink() {
  if (fd_) loop_.forget(fd_.value(), *this);
}

void ProxyLink::on_due() {
  const TimePoint now = loop_.now();
  if (retry_at_ <= now) {
    retry_at_ = kNever;
    connect();
  }
  // After a stall of ours the beats are waiting: they come first.
  hear();
  watch_.on_deadline(now);
  settle();
}

void ProxyLink::connect() {
  sockaddr_storage raw{};
  const socklen_t size = UnixAddress{.name = path_}.to_sockaddr(raw);
  FileDescriptor fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.value(), reinterpret_cast<const sockaddr*>(&raw), size) != 0) {
    watch_.on_disconnected();
    retry_at_ = loop_.now() + kBetweenTries;
    return;
  }
  fd_ = std::move(fd);
  loop_.watch(fd_.value(), *this, EPOLLIN | EPOLLRDHUP);
  watch_.on_connected(loop_.now());
}

void ProxyLink::disconnect() {
  loop_.forget(fd_.value(), *this);
  fd_ = FileDescriptor();
  watch_.on_disconnected();
  retry_at_ = loop_.now() + kBetweenTries;
}

void ProxyLink::on_ready(std::uint32_t) {
  hear();
  settle();
}

/// To what it said last, however much came.
void ProxyLink::hear() {
  while (fd_) {
    const ssize_t size = ::recv(fd_.value(), buffer_.data(), buffer_.size(), 0);
    if (size < 0 && errno == EAGAIN) break;
    if (size <= 0) {
      disconnect();
      break;
    }
    if (const auto message = decode_health({buffer_.data(), static_cast<std::size_t>(size)}))
      watch_.on_message(*message, loop_.now());
  }
}

void ProxyLink::say(std::string_view word) {
  if (fd_) (void)::send(fd_.value(), word.data(), word.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

Result<ProxyLink::Process> ProxyLink::process() const {
  ucred proxy{};
  socklen_t size = sizeof proxy;
  if (!fd_) return fail(Errc::NotFound, "no proxy is heard at {}", path_);
  if (::getsockopt(fd_.value(), SOL_SOCKET, SO_PEERCRED, &proxy, &size) != 0)
    return fail_errno(errno, "cannot ask who listens at {}", path_);
  // By its name too: a socket may have been made by whoever started the proxy, and numbers come again.
  return watch_process(proxy.pid, "hapair-proxy").map([&](FileDescriptor fd) {
    return Process{proxy.pid, std::move(fd)};
  });
}

void ProxyLink::settle() {
  timer_.arm(std::min(retry_at_, watch_.deadline()));
  std::string trouble = watch_.trouble();
  if (trouble == told_) return;
  told_ = std::move(trouble);
  on_change_();
}

}  // namespace hapair::vrrp
