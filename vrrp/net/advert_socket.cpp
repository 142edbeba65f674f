#include "vrrp/net/advert_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace hapair::vrrp {
namespace {

constexpr int kInternetworkControl = kTypeOfService;
// One bad packet's error must not hide the good one behind it; a socket in error must not spin.
constexpr int kErrorsBeforeGivingUp = 16;
constexpr int kIpv6MulticastAll = 29;  // linux/in6.h, which cannot stand beside netinet/in.h

socklen_t to_sockaddr(const IpAddress& address, int index, sockaddr_storage& out) {
  const socklen_t size = SocketAddress{.ip = address}.to_sockaddr(out);
  if (address.is_v6())
    reinterpret_cast<sockaddr_in6&>(out).sin6_scope_id = static_cast<std::uint32_t>(index);
  return size;
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

Result<FileDescriptor> open_raw(bool v6, int protocol) {
  FileDescriptor fd(
      ::socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!fd) return fail_errno(errno, "cannot open a raw socket (CAP_NET_RAW)");
  return fd;
}

Result<void> bind_to(const FileDescriptor& fd, const IpAddress& address, int index) {
  sockaddr_storage raw{};
  const socklen_t size = to_sockaddr(address, index, raw);
  if (::bind(fd.value(), reinterpret_cast<const sockaddr*>(&raw), size) == 0) return {};
  return fail_errno(errno, "cannot bind to {}", address.to_string());
}

/// Only groups this socket joined, on the interface it joined them.
Result<void> join(const FileDescriptor& fd, bool v6, int index) {
  const IpAddress all_routers = group(v6);
  if (v6) {
    ipv6_mreq request{};
    std::memcpy(&request.ipv6mr_multiaddr, all_routers.data(), all_routers.size());
    request.ipv6mr_interface = static_cast<unsigned>(index);
    return set(fd, IPPROTO_IPV6, kIpv6MulticastAll, int{0}, "IPV6_MULTICAST_ALL").and_then([&] {
      return set(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, request, "IPV6_JOIN_GROUP");
    });
  }
  ip_mreqn request{};
  request.imr_multiaddr.s_addr = htonl(all_routers.to_v4());
  request.imr_ifindex = index;
  return set(fd, IPPROTO_IP, IP_MULTICAST_ALL, int{0}, "IP_MULTICAST_ALL").and_then([&] {
    return set(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, request, "IP_ADD_MEMBERSHIP");
  });
}

/// Over IPv6 the header does not come with the packet: what it says comes beside it.
Result<void> ask_for_header(const FileDescriptor& fd) {
  return set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, int{1}, "IPV6_RECVPKTINFO").and_then([&] {
    return set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, int{1}, "IPV6_RECVHOPLIMIT");
  });
}

Result<FileDescriptor> open_receiver(const AdvertSocket::Settings& settings) {
  auto fd = open_raw(settings.v6, settings.protocol);
  if (!fd) return fd;
  Result<void> done;
  if (settings.local) {
    done = bind_to(*fd, *settings.local, settings.index);
  } else {
    done = bind_to_device(*fd, settings.interface)
               .and_then([&] { return bind_to(*fd, group(settings.v6), settings.index); })
               .and_then([&] { return join(*fd, settings.v6, settings.index); });
  }
  if (done && settings.v6) done = ask_for_header(*fd);
  return done.map([&] { return *std::move(fd); });
}

/// The macvlan may have no address, or none any more: without this the kernel would look for one there, although
/// the header has the parent's already.
Result<void> bind_to_source(const FileDescriptor& sender, const AdvertSocket::Settings& settings) {
  if (!settings.v6 || settings.sending_index == settings.index) return {};
  return set(sender, IPPROTO_IPV6, IPV6_FREEBIND, int{1}, "IPV6_FREEBIND").and_then([&] {
    return bind_to(sender, settings.source, settings.sending_index);
  });
}

template <typename T>
const T* control_message(const msghdr& message, int type) {
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at;
       at = CMSG_NXTHDR(const_cast<msghdr*>(&message), at))
    if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == type)
      return reinterpret_cast<const T*>(CMSG_DATA(at));
  return nullptr;
}

IpAddress from(const in6_addr& raw) {
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &raw, bytes.size());
  return IpAddress::v6(bytes);
}

}  // namespace

Result<FileDescriptor> open_packet_sender(bool v6, const std::string& interface, int index) {
  auto fd = open_raw(v6, IPPROTO_RAW);  // implies that headers are ours, receives nothing
  if (!fd || interface.empty()) return fd;
  Result<void> done = bind_to_device(*fd, interface);
  if (v6) {
    done = done.and_then([&] {
                 return set(*fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index, "IPV6_MULTICAST_IF");
               }).and_then([&] {
      return set(*fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, int{0}, "IPV6_MULTICAST_LOOP");
    });
  } else {
    ip_mreqn request{};
    request.imr_ifindex = index;
    done = done.and_then([&] {
                 return set(*fd, IPPROTO_IP, IP_MULTICAST_IF, request, "IP_MULTICAST_IF");
               })
               .and_then([&] {
                 return set(*fd, IPPROTO_IP, IP_MULTICAST_LOOP, int{0}, "IP_MULTICAST_LOOP");
               })
               // The header carries the TOS itself; the option gives the packet its queueing priority.
               .and_then([&] { return set(*fd, IPPROTO_IP, IP_TOS, kInternetworkControl, "IP_TOS"); });
  }
  return done.map([&] { return *std::move(fd); });
}

Result<void> send_packet(int fd, const IpAddress& destination, int index, ByteView packet) {
  sockaddr_storage to{};
  const socklen_t size = to_sockaddr(destination, index, to);
  const bool multicast = destination == group(destination.is_v6());
  const ssize_t sent = ::sendto(fd, packet.data(), packet.size(), multicast ? MSG_DONTROUTE : 0,
                                reinterpret_cast<const sockaddr*>(&to), size);
  if (sent < 0) return fail_errno(errno, "cannot send an advert");
  return {};
}

Result<AdvertSocket> AdvertSocket::open(const Settings& settings) {
  AdvertSocket out;
  out.settings_ = settings;
  auto receiver = open_receiver(settings);
  if (!receiver) return tl::make_unexpected(receiver.error());
  // Unicast goes where routes lead.
  auto sender = settings.local
                    ? open_packet_sender(settings.v6, {}, 0)
                    : open_packet_sender(settings.v6, settings.sending_interface,
                                         settings.sending_index);
  if (!sender) return tl::make_unexpected(sender.error());
  if (auto bound = bind_to_source(*sender, settings); !bound)
    return tl::make_unexpected(bound.error());
  out.receiver_ = *std::move(receiver);
  out.sender_ = *std::move(sender);
  return out;
}

std::optional<tl::expected<Datagram, Refusal>> AdvertSocket::receive(
    std::span<std::uint8_t> buffer) {
  for (int errors = 0; errors < kErrorsBeforeGivingUp; ++errors) {
    sockaddr_in6 from{};
    alignas(cmsghdr) char control[256];
    iovec into{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(receiver_.value(), &message, 0);
    if (size >= 0) return read(buffer, static_cast<std::size_t>(size), message);
    if (errno == EAGAIN) break;
  }
  return std::nullopt;
}

tl::expected<Datagram, Refusal> AdvertSocket::read(std::span<std::uint8_t> buffer, std::size_t size,
                                                   const msghdr& message) const {
  const ByteView bytes = ByteView(buffer).first(size);
  if (!settings_.v6) return read_ipv4(bytes);
  const auto* info = control_message<in6_pktinfo>(message, IPV6_PKTINFO);
  const auto* hops = control_message<int>(message, IPV6_HOPLIMIT);
  if (!info || !hops) return tl::make_unexpected(Refusal::Header);
  const auto& raw = *static_cast<const sockaddr_in6*>(message.msg_name);
  return Datagram{.way = {.source = from(raw.sin6_addr), .destination = from(info->ipi6_addr)},
                  .ttl = static_cast<std::uint8_t>(*hops),
                  .protocol = settings_.protocol,
                  .header = {},
                  .payload = bytes};
}

Result<void> AdvertSocket::send(const IpAddress& destination, ByteView packet) {
  return send_packet(sender_.value(), destination, settings_.sending_index, packet);
}

}  // namespace hapair::vrrp
