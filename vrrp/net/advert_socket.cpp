#include "vrrp/net/advert_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

namespace hapair::vrrp {
namespace {

constexpr int kVrrp = 112;
constexpr in_addr_t kAllRouters = 0xE0000012;  // 224.0.0.18
constexpr int kInternetworkControl = 0xC0;
// One bad packet's error must not hide the good one behind it; a socket in error must not spin.
constexpr int kErrorsBeforeGivingUp = 16;

sockaddr_in group() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(kAllRouters);
  return address;
}

ip_mreqn membership(int index) {
  ip_mreqn request{};
  request.imr_multiaddr.s_addr = htonl(kAllRouters);
  request.imr_ifindex = index;
  return request;
}

template <typename T>
Result<void> set(const FileDescriptor& fd, int level, int option, const T& value,
                 std::string_view name) {
  if (::setsockopt(fd.value(), level, option, &value, sizeof value) == 0) return {};
  return fail_errno(errno, "cannot set {} on the advert socket", name);
}

Result<void> bind_to_device(const FileDescriptor& fd, const std::string& interface) {
  if (::setsockopt(fd.value(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                   static_cast<socklen_t>(interface.size() + 1)) == 0)
    return {};
  return fail_errno(errno, "cannot bind the advert socket to {}", interface);
}

Result<FileDescriptor> open_raw(int protocol) {
  FileDescriptor fd(::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!fd) return fail_errno(errno, "cannot open a raw socket (CAP_NET_RAW)");
  return fd;
}

Result<FileDescriptor> open_receiver(const std::string& interface, int index) {
  auto fd = open_raw(kVrrp);
  if (!fd) return fd;
  const sockaddr_in address = group();
  return bind_to_device(*fd, interface)
      // Only groups this socket joined, on the interface it joined them.
      .and_then([&] { return set(*fd, IPPROTO_IP, IP_MULTICAST_ALL, int{0}, "IP_MULTICAST_ALL"); })
      .and_then([&]() -> Result<void> {
        if (::bind(fd->value(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
          return {};
        return fail_errno(errno, "cannot bind to 224.0.0.18");
      })
      .and_then([&] {
        return set(*fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, membership(index), "IP_ADD_MEMBERSHIP");
      })
      .map([&] { return *std::move(fd); });
}

Result<FileDescriptor> open_sender(const std::string& interface, int index) {
  auto fd = open_raw(IPPROTO_RAW);  // implies IP_HDRINCL, receives nothing
  if (!fd) return fd;
  return bind_to_device(*fd, interface)
      .and_then([&] {
        return set(*fd, IPPROTO_IP, IP_MULTICAST_IF, membership(index), "IP_MULTICAST_IF");
      })
      .and_then(
          [&] { return set(*fd, IPPROTO_IP, IP_MULTICAST_LOOP, int{0}, "IP_MULTICAST_LOOP"); })
      // The header carries the TOS itself; the option also gives the packet its queueing priority.
      .and_then([&] { return set(*fd, IPPROTO_IP, IP_TOS, kInternetworkControl, "IP_TOS"); })
      .map([&] { return *std::move(fd); });
}

}  // namespace

Result<AdvertSocket> AdvertSocket::open(const std::string& interface, int index) {
  AdvertSocket out;
  out.index_ = index;
  auto receiver = open_receiver(interface, index);
  if (!receiver) return tl::make_unexpected(receiver.error());
  auto sender = open_sender(interface, index);
  if (!sender) return tl::make_unexpected(sender.error());
  out.receiver_ = *std::move(receiver);
  out.sender_ = *std::move(sender);
  return out;
}

std::optional<ByteView> AdvertSocket::receive(std::span<std::uint8_t> buffer) {
  for (int errors = 0; errors < kErrorsBeforeGivingUp; ++errors) {
    const ssize_t size = ::recv(receiver_.value(), buffer.data(), buffer.size(), 0);
    if (size >= 0) return ByteView(buffer).first(static_cast<std::size_t>(size));
    if (errno == EAGAIN) break;
  }
  return std::nullopt;
}

Result<void> AdvertSocket::send(ByteView packet) {
  const sockaddr_in to = group();
  const ssize_t sent = ::sendto(sender_.value(), packet.data(), packet.size(), MSG_DONTROUTE,
                                reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (sent < 0) return fail_errno(errno, "cannot send an advert");
  return {};
}

}  // namespace hapair::vrrp
