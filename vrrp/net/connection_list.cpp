#include "vrrp/net/connection_list.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {
namespace {

// One bit a state, as the kernel numbers them. Without LISTEN, TIME_WAIT and CLOSE.
constexpr std::uint32_t kAlive = 1U << TCP_ESTABLISHED | 1U << TCP_SYN_RECV | 1U << TCP_FIN_WAIT1 |
                                 1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT | 1U << TCP_LAST_ACK |
                                 1U << TCP_CLOSING;

IpAddress read_address(const std::uint32_t (&raw)[4], int family) {
  if (family == AF_INET) return IpAddress::v4(ntohl(raw[0]));
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), raw, bytes.size());
  // What a socket of both families has of IPv4.
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin()))
    return IpAddress::v4(std::uint32_t{bytes[12]} << 24 | std::uint32_t{bytes[13]} << 16 |
                         std::uint32_t{bytes[14]} << 8 | bytes[15]);
  return IpAddress::v6(bytes);
}

Result<void> ask(int fd, int family) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 request;
  } message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.request.sdiag_family = static_cast<std::uint8_t>(family);
  message.request.sdiag_protocol = IPPROTO_TCP;
  message.request.idiag_states = kAlive;
  if (::send(fd, &message, sizeof message, 0) < 0)
    return fail_errno(errno, "cannot ask for the connections");
  return {};
}

/// False: there are more.
Result<bool> read_some(int fd, std::vector<std::uint8_t>& buffer,
                       const std::vector<IpAddress>& addresses, std::vector<Connection>& out) {
  const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (size < 0) return fail_errno(errno, "cannot list the connections");
  auto left = static_cast<unsigned>(size);
  for (auto* at = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(at, left);
       at = NLMSG_NEXT(at, left)) {
    if (at->nlmsg_type == NLMSG_DONE) return true;
    if (at->nlmsg_type == NLMSG_ERROR) {
      const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(at));
      return fail_errno(-error->error, "cannot list the connections");
    }
    const auto* found = static_cast<const inet_diag_msg*>(NLMSG_DATA(at));
    const SocketAddress local{.ip = read_address(found->id.idiag_src, found->idiag_family),
                              .port = ntohs(found->id.idiag_sport)};
    if (std::ranges::find(addresses, local.ip) == addresses.end()) continue;
    out.push_back({{.ip = read_address(found->id.idiag_dst, found->idiag_family),
                    .port = ntohs(found->id.idiag_dport)},
                   local});
  }
  return false;
}

}  // namespace

Result<std::vector<Connection>> list_connections(const std::vector<IpAddress>& addresses) {
  const FileDescriptor fd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return fail_errno(errno, "cannot ask for the connections");
  std::vector<Connection> out;
  std::vector<std::uint8_t> buffer(64 * 1024);
  // Sockets of IPv6 also have connections of IPv4.
  for (const int family : {AF_INET, AF_INET6}) {
    if (auto asked = ask(fd.value(), family); !asked) return tl::make_unexpected(asked.error());
    for (bool done = false; !done;) {
      const auto read = read_some(fd.value(), buffer, addresses, out);
      if (!read) return tl::make_unexpected(read.error());
      done = *read;
    }
  }
  return out;
}

}  // namespace hapair::vrrp
