#include "proxy/runtime/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "proxy/runtime/port_holder.h"

namespace hapair::proxy {
namespace {

void set(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

/// A socket bound to `address`; `shared` lets further ones bind to it too. -errno if not.
int bind_socket(const SocketAddress& address, bool shared) {
  const int fd = ::socket(address.ip.is_v4() ? AF_INET : AF_INET6,
                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  set(fd, SOL_SOCKET, SO_REUSEADDR);
  if (shared) set(fd, SOL_SOCKET, SO_REUSEPORT);
  set(fd, IPPROTO_IP, IP_FREEBIND);
  if (address.ip.is_v6()) set(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  // Urgent data is data here: out of band, it would end reads early and hide what follows.
  set(fd, SOL_SOCKET, SO_OOBINLINE);
  // Accepted connections inherit it: no call per connection.
  set(fd, IPPROTO_TCP, TCP_NODELAY);
  sockaddr_storage raw{};
  const socklen_t length = address.to_sockaddr(raw);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&raw), length) == 0) return fd;
  const int error_number = errno;
  ::close(fd);
  return -error_number;
}

}  // namespace

Result<void> check_free(const SocketAddress& address) {
  // SO_REUSEPORT would let us in beside another of our own daemons, which would then get half of
  // the connections: a socket without it tells whether the port is free.
  const int fd = bind_socket(address, /*shared=*/false);
  if (fd >= 0) {
    ::close(fd);
    return {};
  }
  if (-fd == EADDRINUSE) {
    if (const std::string holder = port_holder(address); !holder.empty())
      return fail(Errc::System, "cannot listen on {}: port {} is held by {}", address.to_string(),
                  address.port, holder);
  }
  return fail_errno(-fd, "cannot listen on {}", address.to_string());
}

Result<std::vector<int>> open_listeners(const SocketAddress& address, unsigned count, int backlog) {
  std::vector<int> sockets;
  for (unsigned i = 0; i < count; ++i) {
    const int fd = bind_socket(address, /*shared=*/true);
    if (fd >= 0) sockets.push_back(fd);
    const int error_number = fd < 0 ? -fd : ::listen(fd, backlog) < 0 ? errno : 0;
    if (error_number == 0) continue;
    for (const int open : sockets) ::close(open);
    return fail_errno(error_number, "cannot listen on {}", address.to_string());
  }
  return sockets;
}

}  // namespace hapair::proxy
