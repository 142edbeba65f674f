#include "proxy/runtime/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "proxy/runtime/inherited_sockets.h"
#include "proxy/runtime/port_holder.h"
#include "proxy/runtime/unix_listener.h"

namespace hapair::proxy {
namespace {

// How long the kernel waits for the first bytes of a deferred connection before we get it anyway.
constexpr int kDeferSeconds = 10;

void set(int fd, int level, int option, int value = 1) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

/// A socket bound to `address`; `shared` lets further ones bind to it too. -errno if not.
int bind_socket(const SocketAddress& address, const ListenSocket& options, bool shared) {
  const int fd = ::socket(address.ip.is_v4() ? AF_INET : AF_INET6,
                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  set(fd, SOL_SOCKET, SO_REUSEADDR);
  if (shared) set(fd, SOL_SOCKET, SO_REUSEPORT);
  set(fd, IPPROTO_IP, IP_FREEBIND);
  if (address.ip.is_v6()) set(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.v6only ? 1 : 0);
  // Urgent data is data here: out of band, it would end reads early and hide what follows.
  set(fd, SOL_SOCKET, SO_OOBINLINE);
  // Accepted connections inherit it: no call per connection.
  set(fd, IPPROTO_TCP, TCP_NODELAY);
  if (options.defer_accept) set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, kDeferSeconds);
  if (options.fast_open) set(fd, IPPROTO_TCP, TCP_FASTOPEN, options.backlog);
  sockaddr_storage raw{};
  const socklen_t length = address.to_sockaddr(raw);
  const auto interface_size = static_cast<socklen_t>(options.interface.size());
  const bool bound =
      (options.interface.empty() || ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
                                                 options.interface.data(), interface_size) == 0) &&
      ::bind(fd, reinterpret_cast<sockaddr*>(&raw), length) == 0;
  if (bound) return fd;
  const int error_number = errno;
  ::close(fd);
  return -error_number;
}

tl::unexpected<Error> cannot_bind(int error_number, const ListenSocket& socket) {
  if (!socket.interface.empty())
    return fail_errno(error_number, "cannot listen on {} at interface {}", socket.to_string(),
                      socket.interface);
  return fail_errno(error_number, "cannot listen on {}", socket.to_string());
}

Result<void> check_free(const SocketAddress& address, const ListenSocket& socket) {
  // SO_REUSEPORT would let us in beside another of our own daemons, which would then get half of
  // the connections: a socket without it tells whether the port is free.
  const int fd = bind_socket(address, socket, /*shared=*/false);
  if (fd >= 0) {
    ::close(fd);
    return {};
  }
  if (-fd == EADDRINUSE) {
    if (const std::string holder = port_holder(address); !holder.empty())
      return fail(Errc::System, "cannot listen on {}: port {} is held by {}", address.to_string(),
                  address.port, holder);
  }
  return cannot_bind(-fd, socket);
}

/// `count` descriptors of the one socket `fd`, which this takes.
Result<WorkerSockets> copies(int fd, unsigned count, const ListenSocket& socket) {
  WorkerSockets sockets = {fd};
  while (sockets.size() < count) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy >= 0) {
      sockets.push_back(copy);
      continue;
    }
    const int error_number = errno;
    for (const int open : sockets) ::close(open);
    return cannot_bind(error_number, socket);
  }
  return sockets;
}

Result<WorkerSockets> open_inet(const SocketAddress& address, const ListenSocket& socket,
                                unsigned count, bool listening) {
  WorkerSockets sockets;
  for (unsigned i = 0; i < count; ++i) {
    const int fd = bind_socket(address, socket, /*shared=*/true);
    if (fd >= 0) sockets.push_back(fd);
    const int error_number = fd < 0                                          ? -fd
                             : listening && ::listen(fd, socket.backlog) < 0 ? errno
                                                                             : 0;
    if (error_number == 0) continue;
    for (const int open : sockets) ::close(open);
    return cannot_bind(error_number, socket);
  }
  return sockets;
}

/// A copy of `inherited` that listens, or -errno.
int adopt_socket(int inherited, int backlog) {
  const int fd = ::fcntl(inherited, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int listening = 0;
  socklen_t length = sizeof listening;
  ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length);
  // Accepting must not block, whoever else holds the socket: the flag is the socket's own.
  if (::fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || (listening == 0 && ::listen(fd, backlog) < 0)) {
    const int error_number = errno;
    ::close(fd);
    return -error_number;
  }
  set(fd, SOL_SOCKET, SO_OOBINLINE);
  set(fd, IPPROTO_TCP, TCP_NODELAY);
  return fd;
}

Result<std::vector<WorkerSockets>> open_inherited(const InheritedSocket& wanted,
                                                  const ListenSocket& socket, unsigned count) {
  const auto found = InheritedSockets::of_this_process().find(wanted);
  if (!found) return tl::make_unexpected(found.error());
  std::vector<WorkerSockets> opened;
  for (const int inherited : *found) {
    const int fd = adopt_socket(inherited, socket.backlog);
    auto sockets = fd < 0 ? Result<WorkerSockets>(cannot_bind(-fd, socket))
                          : copies(fd, count, socket);
    if (!sockets) {
      for (const WorkerSockets& open : opened)
        for (const int one : open) ::close(one);
      return tl::make_unexpected(sockets.error());
    }
    opened.push_back(*std::move(sockets));
  }
  return opened;
}

}  // namespace

Result<void> check_free(const ListenSocket& socket) {
  if (const auto* address = std::get_if<SocketAddress>(&socket.at))
    return check_free(*address, socket);
  if (const auto* address = std::get_if<UnixAddress>(&socket.at))
    return check_unix_free(*address);
  const auto found = InheritedSockets::of_this_process().find(std::get<InheritedSocket>(socket.at));
  if (!found) return tl::make_unexpected(found.error());
  return {};
}

Result<std::vector<WorkerSockets>> open_listeners(const ListenSocket& socket, unsigned count,
                                                  bool listening) {
  if (const auto* inherited = std::get_if<InheritedSocket>(&socket.at))
    return open_inherited(*inherited, socket, count);
  const auto only = [](WorkerSockets sockets) { return std::vector<WorkerSockets>{std::move(sockets)}; };
  if (const auto* address = std::get_if<SocketAddress>(&socket.at))
    return open_inet(*address, socket, count, listening).map(only);
  const auto fd = open_unix_listener(std::get<UnixAddress>(socket.at), socket);
  if (!fd) return tl::make_unexpected(fd.error());
  return copies(*fd, count, socket).map(only);
}

}  // namespace hapair::proxy
