#include "proxy/runtime/open_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace hapair::proxy {

int open_stream(const SocketAddress& to, const std::optional<IpAddress>& source,
                int& error_number, bool hold_ack) {
  const int fd = ::socket(to.ip.is_v4() ? AF_INET : AF_INET6,
                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  error_number = fd < 0 ? errno : 0;
  if (fd < 0) return -1;
  if (hold_ack) {
    const int seconds = 1;  // any value: on a client's socket only that there is one counts
    ::setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
  }
  sockaddr_storage address{};
  if (source) {
    // The kernel chooses the port at connect(): one per destination, not one per address.
    const int on = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const socklen_t length = SocketAddress{*source, 0}.to_sockaddr(address);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) < 0) error_number = errno;
  }
  const socklen_t length = to.to_sockaddr(address);
  if (error_number == 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), length) < 0 &&
      errno != EINPROGRESS)
    error_number = errno;
  if (error_number == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace hapair::proxy
