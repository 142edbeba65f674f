#include "proxy/runtime/stream_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace hapair::proxy {
namespace {

constexpr std::uint32_t kInput = EPOLLIN | EPOLLRDHUP;

}  // namespace

StreamSocket::~StreamSocket() { close(); }

void StreamSocket::adopt(int fd, Loop& loop, Watcher& watcher) {
  fd_ = fd;
  loop_ = &loop;
  watcher_ = &watcher;
  loop.watch(fd, watcher, kInput);
}

void StreamSocket::adopt_connecting(int fd, Loop& loop, Watcher& watcher) {
  fd_ = fd;
  loop_ = &loop;
  watcher_ = &watcher;
  nagle_ = Nagle::Unwritten;
  hears_of_room_ = true;
  loop.watch(fd, watcher, kInput | EPOLLOUT);
}

void StreamSocket::await_room() {
  if (hears_of_room_) return;
  hears_of_room_ = true;
  loop_->watch_again(fd_, kInput | EPOLLOUT);
}

void StreamSocket::step_nagle() {
  if (nagle_ == Nagle::Unwritten) {
    nagle_ = Nagle::Written;
    return;
  }
  nagle_ = Nagle::Off;
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void StreamSocket::close(bool reset) {
  if (fd_ < 0) return;
  if (reset) {
    const linger abort{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  }
  ::close(fd_);
  fd_ = -1;
  if (spill_) buffers_.give(std::move(spill_));
  if (pipe_) buffers_.pipes().give(std::move(pipe_));
}

void StreamSocket::complete_handshake() {
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void StreamSocket::on_events(std::uint32_t events) {
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
  if (events & (EPOLLRDHUP | EPOLLHUP)) ended_ = true;
}

StreamSocket::ReadResult StreamSocket::read(char* into, std::size_t capacity) {
  const ssize_t got = ::recv(fd_, into, capacity, 0);
  if (got > 0) {
    // A short read has emptied the socket; only an end that was announced is still to be read.
    if (static_cast<std::size_t>(got) < capacity && !ended_) readable_ = false;
    return {Read::Bytes, static_cast<std::size_t>(got)};
  }
  if (got == 0) {
    ended_ = true;
    readable_ = false;
    return {Read::End};
  }
  if (errno == EAGAIN || errno == EINTR) {
    readable_ = false;
    return {Read::Nothing};
  }
  readable_ = false;
  return {Read::Failed};
}

SocketAddress StreamSocket::local_address() const {
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&raw), &length);
  return SocketAddress::from(reinterpret_cast<const sockaddr*>(&raw));
}

bool StreamSocket::has_unread() {
  if (!readable_) return false;
  char byte;
  const ssize_t got = ::recv(fd_, &byte, 1, MSG_PEEK);
  readable_ = !(got < 0 && errno == EAGAIN);
  return readable_;
}

bool StreamSocket::has_unread_bytes() const {
  char byte;
  return ::recv(fd_, &byte, 1, MSG_PEEK) > 0;
}

bool StreamSocket::write(std::string_view bytes, bool last) {
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  return write(std::span(&piece, 1), last);
}

bool StreamSocket::write(std::span<iovec> pieces, bool last) {
  if (has_output()) {
    keep(pieces, 0);
    return true;
  }
  before_write();
  const int flags = last ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
  ssize_t taken;
  if (pieces.size() == 1) {
    taken = ::send(fd_, pieces[0].iov_base, pieces[0].iov_len, flags);
  } else {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    taken = ::sendmsg(fd_, &message, flags);
  }
  if (taken < 0) {
    if (errno != EAGAIN && errno != EINTR) return false;
    taken = 0;
  }
  std::size_t total = 0;
  for (const iovec& piece : pieces) total += piece.iov_len;
  if (static_cast<std::size_t>(taken) < total) keep(pieces, static_cast<std::size_t>(taken));
  return true;
}

void StreamSocket::keep(std::span<const iovec> pieces, std::size_t skip) {
  if (!spill_) {
    spill_ = buffers_.take_spill();
    sent_ = 0;
    await_room();
  }
  for (const iovec& piece : pieces) {
    const std::size_t skipped = std::min(skip, piece.iov_len);
    skip -= skipped;
    spill_->append(static_cast<const char*>(piece.iov_base) + skipped, piece.iov_len - skipped);
  }
}

StreamSocket::ReadResult StreamSocket::splice_from(StreamSocket& source, std::size_t most,
                                                   bool& broken) {
  broken = false;
  pipe_ = buffers_.pipes().take();
  if (!pipe_) {
    // No pipe to be had: the bytes wait in the socket for a read that copies them.
    return {Read::NoPipe};
  }
  const long got = pipe_->fill(source.fd_, most);
  if (got <= 0) {
    const int error_number = errno;
    buffers_.pipes().give(std::move(pipe_));
    // How much came says nothing about how much is left, so only this empties the source.
    source.readable_ = false;
    if (got == 0) {
      source.ended_ = true;
      return {Read::End};
    }
    return {error_number == EAGAIN || error_number == EINTR ? Read::Nothing : Read::Failed};
  }
  before_write();
  broken = !drain_pipe();
  return {Read::Bytes, static_cast<std::size_t>(got)};
}

bool StreamSocket::drain_pipe() {
  while (pipe_->held() > 0) {
    if (pipe_->drain(fd_) >= 0) continue;
    if (errno != EAGAIN && errno != EINTR) return false;
    await_room();
    return true;
  }
  buffers_.pipes().give(std::move(pipe_));
  return true;
}

bool StreamSocket::flush() {
  if (pipe_ && !drain_pipe()) return false;
  if (pipe_) return true;
  while (spill_) {
    const ssize_t taken =
        ::send(fd_, spill_->data() + sent_, spill_->size() - sent_, MSG_NOSIGNAL);
    if (taken < 0) return errno == EAGAIN || errno == EINTR;
    sent_ += static_cast<std::size_t>(taken);
    if (sent_ < spill_->size()) return true;
    buffers_.give(std::move(spill_));
  }
  return true;
}

void StreamSocket::shutdown_write() { ::shutdown(fd_, SHUT_WR); }

}  // namespace hapair::proxy
