#include "proxy/runtime/server_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "proxy/runtime/open_stream.h"
#include "proxy/runtime/server_pool.h"

namespace hapair::proxy {

int ServerConnection::connect(const Approach& approach, ServerUser& user) {
  int error_number = 0;
  const int fd = open_stream(to_, approach, error_number, /*hold_ack=*/true);
  if (fd < 0) return error_number;
  // Urgent data is data here, as from clients: out of band, it would end reads early.
  const int on = 1;
  if (!approach.unix_socket) ::setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
  user_ = &user;
  connecting_ = true;
  socket_.adopt_connecting(fd, pool_.loop(), *this);
  return 0;
}

void ServerConnection::on_ready(std::uint32_t events) {
  if (!user_) {
    // Idle: nothing is expected, so anything but room to write is the end of it.
    if (events & ~static_cast<std::uint32_t>(EPOLLOUT)) pool_.on_idle_event(*this);
    return;
  }
  if (connecting_) {
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    if (events & (EPOLLERR | EPOLLHUP)) {
      int error_number = 0;
      socklen_t length = sizeof error_number;
      ::getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error_number, &length);
      user_->on_server_connect_failed(error_number != 0 ? error_number : ECONNRESET);
      return;
    }
    connecting_ = false;
    socket_.on_events(events);
    user_->on_server_connected();
    // A server that speaks first may have done so by now: this edge is the only one for that.
    if (user_ && socket_.is_open() && socket_.is_readable()) user_->on_server_readable();
    return;
  }
  socket_.on_events(events);
  if ((events & EPOLLOUT) && socket_.has_output()) {
    if (!socket_.flush()) return user_->on_server_broken();
    if (socket_.has_output()) {
      user_->on_server_progress();
    } else {
      user_->on_server_drained();
    }
    if (!user_ || !socket_.is_open()) return;
  }
  if (socket_.is_readable()) user_->on_server_readable();
}

void ServerConnection::close(bool reset) {
  if (!socket_.is_open()) return;
  user_ = nullptr;
  pool_.loop().forget(socket_.fd(), *this);
  socket_.close(reset);
}

}  // namespace hapair::proxy
