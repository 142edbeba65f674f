#include "proxy/runtime/proxy_greeting.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/runtime/worker.h"
#include "proxy/wire/proxy_header.h"

namespace hapair::proxy {
namespace {

// Whoever announces clients does so at once: this is for a lost segment or two.
constexpr Duration kPatience = std::chrono::seconds(5);

Duration patience(const Frontend& frontend) {
  const Duration own = frontend.mode == Mode::Http ? frontend.timeout.effective_request()
                                                   : frontend.timeout.client;
  return own > Duration::zero() ? std::min(own, kPatience) : kPatience;
}

}  // namespace

static_assert(wire::kLongestHeader <= Worker::kScratch);

ProxyGreeting::ProxyGreeting(Worker& worker, Generation& generation, FrontendState& frontend,
                             int fd, const SocketAddress& peer, std::uint16_t listener)
    : Session(generation, frontend),
      worker_(worker),
      timer_(worker.loop(), [this] { refuse("no PROXY header in time"); }),
      peer_(peer),
      listener_(listener),
      accepted_(worker.loop().now()),
      fd_(fd) {
  timer_.arm(worker.loop().now() + patience(frontend.config));
  worker.loop().watch(fd, *this, EPOLLIN | EPOLLRDHUP);
}

ProxyGreeting::~ProxyGreeting() {
  if (fd_ >= 0) ::close(fd_);
}

void ProxyGreeting::on_reload() {
  if (FrontendState* heir = worker_.snapshot().find(frontend().config))
    move_to(worker_.generation(), *heir);
}

void ProxyGreeting::describe(SessionView& view) const {
  view.http = frontend().config.mode == Mode::Http;
  view.client = peer_;
  view.accepted = accepted_;
  view.expires = timer_.deadline();
  view.phase = "greeting";
}

void ProxyGreeting::end_because(EndCause) {
  if (fd_ >= 0) refuse("ended by an operator");
}

void ProxyGreeting::on_ready(std::uint32_t events) {
  // Looked at, not taken: what stands behind the header is for whoever serves the client.
  const ssize_t got = ::recv(fd_, worker_.scratch(), wire::kLongestHeader, MSG_PEEK);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    return refuse("the connection broke before its PROXY header");
  }
  const auto header = wire::decode_proxy_header({worker_.scratch(), static_cast<std::size_t>(got)});
  using Status = wire::DecodedHeader::Status;
  switch (header.status) {
    case Status::Refused: return refuse(wire::describe(header.error));
    case Status::Incomplete:
      if (got == 0 || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        refuse(got == 0 ? std::string_view() : "the connection ended within its PROXY header");
      return;
    case Status::Complete: break;
  }
  if (::recv(fd_, worker_.scratch(), header.size, 0) != static_cast<ssize_t>(header.size))
    return refuse("the connection broke within its PROXY header");
  if (header.announced) return hand_over(header.announced->source, &header.announced->destination);
  hand_over(peer_, nullptr);
}

void ProxyGreeting::hand_over(const SocketAddress& client, const SocketAddress* destination) {
  timer_.disarm();
  worker_.loop().unwatch(fd_, *this);
  worker_.on_announced(*this, std::exchange(fd_, -1), client, destination);
}

void ProxyGreeting::refuse(std::string_view why) {
  timer_.disarm();
  if (!why.empty())
    worker_.log_refusal(frontend(), peer_, listener_, why);
  else if (frontend().config.log_null)
    worker_.log_refusal(frontend(), peer_, listener_,
                        "the connection ended before its PROXY header");
  worker_.loop().forget(fd_, *this);
  const linger abort{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  ::close(std::exchange(fd_, -1));
  worker_.retire(*this);
}

}  // namespace hapair::proxy
