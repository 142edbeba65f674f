#include "vrrp/net/announce_socket.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cerrno>

namespace hapair::vrrp {

Result<AnnounceSocket> AnnounceSocket::open() {
  AnnounceSocket out;
  // Protocol 0: no frame is ever queued for us.
  out.fd_ = FileDescriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!out.fd_) return fail_errno(errno, "cannot open a packet socket (CAP_NET_RAW)");
  return out;
}

Result<void> AnnounceSocket::send(int index, ByteView frame) {
  constexpr std::size_t kEtherType = 12;
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(load_be16(&frame[kEtherType]));
  to.sll_ifindex = index;
  const ssize_t sent = ::sendto(fd_.value(), frame.data(), frame.size(), 0,
                                reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (sent < 0) return fail_errno(errno, "cannot send an announcement");
  return {};
}

}  // namespace hapair::vrrp
