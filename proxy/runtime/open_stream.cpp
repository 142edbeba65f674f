#include "proxy/runtime/open_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace hapair::proxy {
namespace {

// How many ports of a range are tried for one connection.
constexpr unsigned kMostPorts = 200;

int connect_unix(const UnixAddress& to, int& error_number) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_storage address{};
  const socklen_t length = to.to_sockaddr(address);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), length) == 0) return fd;
  error_number = errno;
  if (fd >= 0) ::close(fd);
  return -1;
}

/// 0 or an errno: from this address, and by this interface.
int set_source(int fd, const Approach& approach, std::uint16_t port) {
  if (!approach.interface.empty() &&
      ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, approach.interface.data(),
                   static_cast<socklen_t>(approach.interface.size())) < 0)
    return errno;
  if (!approach.source) return 0;
  // Without a port the kernel chooses one at connect(): one per destination, not one per address.
  // With one, a connection that has just ended does not stand in the way.
  const int on = 1;
  if (port == 0)
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  else
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage address{};
  const socklen_t length = SocketAddress{*approach.source, port}.to_sockaddr(address);
  return ::bind(fd, reinterpret_cast<sockaddr*>(&address), length) < 0 ? errno : 0;
}

/// `port_taken` says that another port may do.
int connect_inet(const SocketAddress& to, const Approach& approach, std::uint16_t port,
                 bool hold_ack, int& error_number, bool& port_taken) {
  const int fd = ::socket(to.ip.is_v4() ? AF_INET : AF_INET6,
                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  error_number = fd < 0 ? errno : 0;
  if (fd < 0) return -1;
  if (hold_ack) {
    const int seconds = 1;  // any value: on a client's socket only that there is one counts
    ::setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
  }
  error_number = set_source(fd, approach, port);
  port_taken = error_number == EADDRINUSE;
  if (error_number == 0) {
    sockaddr_storage address{};
    const socklen_t length = to.to_sockaddr(address);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), length) < 0 && errno != EINPROGRESS)
      error_number = errno;
    // The port has a connection to this very destination.
    port_taken = error_number == EADDRNOTAVAIL;
  }
  if (error_number == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

int open_stream(const SocketAddress& to, const Approach& approach, int& error_number,
                bool hold_ack) {
  error_number = 0;
  if (approach.unix_socket) return connect_unix(*approach.unix_socket, error_number);
  bool port_taken = false;
  if (approach.first_port == 0)
    return connect_inet(to, approach, 0, hold_ack, error_number, port_taken);
  // Shared by all threads, so that they do not try the same ones.
  static std::atomic<unsigned> turn = 0;
  const unsigned size = approach.last_port - approach.first_port + 1U;
  for (unsigned i = 0; i < std::min(size, kMostPorts); ++i) {
    const unsigned port = approach.first_port + turn.fetch_add(1, std::memory_order_relaxed) % size;
    const int fd = connect_inet(to, approach, static_cast<std::uint16_t>(port), hold_ack,
                                error_number, port_taken);
    if (fd >= 0 || !port_taken) return fd;
  }
  return -1;
}

}  // namespace hapair::proxy
