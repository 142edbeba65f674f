#include "vrrp/net/pair_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

namespace hapair::vrrp {
namespace {

// What could not be delivered, and what others send, is passed over; a socket in error must not spin.
constexpr int kPassedOver = 16;

}  // namespace

Result<PairSocket> PairSocket::open(const IpAddress& own, const IpAddress& other,
                                    std::uint16_t port) {
  PairSocket self;
  self.other_ = {.ip = other, .port = port};
  self.fd_ = FileDescriptor(::socket(own.is_v6() ? AF_INET6 : AF_INET,
                                     SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!self.fd_) return fail_errno(errno, "cannot open a socket for the pair channel");
  const int on = 1;
  if (::setsockopt(self.fd(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on) < 0)
    return fail_errno(errno, "cannot set IP_FREEBIND for the pair channel");
  const SocketAddress here{.ip = own, .port = port};
  sockaddr_storage raw{};
  const socklen_t size = here.to_sockaddr(raw);
  if (::bind(self.fd(), reinterpret_cast<const sockaddr*>(&raw), size) < 0)
    return fail_errno(errno, "cannot bind the pair channel to {} ([pair] port)", here.to_string());
  return self;
}

void PairSocket::send(ByteView datagram) {
  sockaddr_storage raw{};
  const socklen_t size = other_.to_sockaddr(raw);
  // A refusal that an earlier datagram met is reported once, in place of this one's way.
  for (int tries = 0; tries < 2; ++tries)
    if (::sendto(fd(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&raw), size) >= 0 ||
        errno != ECONNREFUSED)
      return;
}

std::optional<ByteView> PairSocket::receive(std::span<std::uint8_t> buffer) {
  for (int passed = 0; passed < kPassedOver; ++passed) {
    sockaddr_storage raw{};
    socklen_t size = sizeof raw;
    const ssize_t got = ::recvfrom(fd(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&raw), &size);
    if (got < 0 && (errno == EAGAIN || errno == EBADF)) return std::nullopt;
    if (got < 0) continue;
    if (SocketAddress::from(reinterpret_cast<const sockaddr*>(&raw)).ip == other_.ip)
      return ByteView(buffer).first(static_cast<std::size_t>(got));
  }
  return std::nullopt;
}

}  // namespace hapair::vrrp
