#include "proxy/runtime/probe_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "proxy/runtime/open_stream.h"

namespace hapair::proxy {

int ProbeSocket::connect(const SocketAddress& to, const Approach& approach,
                         First first) {
  if (fd_ >= 0 && connect_again(to)) {
    in_use_ = true;
    return 0;
  }
  close();
  int error_number = 0;
  fd_ = open_stream(to, approach, error_number, first == First::Us);
  if (fd_ < 0) return error_number;
  in_use_ = true;
  loop_.watch(fd_, watcher_);
  return 0;
}

bool ProbeSocket::connect_again(const SocketAddress& to) {
  sockaddr_storage address{};
  const socklen_t length = to.to_sockaddr(address);
  return ::connect(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0 || errno == EINPROGRESS;
}

void ProbeSocket::end_good() {
  // Resets the connection; the socket keeps its options, its bound address and its place in the
  // loop's set. What the set then says of it comes between probes, when nobody listens.
  sockaddr_storage nobody{};
  nobody.ss_family = AF_UNSPEC;
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&nobody), sizeof nobody) < 0) return close();
  in_use_ = false;
}

void ProbeSocket::close() {
  in_use_ = false;
  if (fd_ < 0) return;
  // A reset leaves no TIME_WAIT on either side; the server has said all it had to.
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  loop_.forget(fd_, watcher_);
  ::close(fd_);
  fd_ = -1;
}

}  // namespace hapair::proxy
