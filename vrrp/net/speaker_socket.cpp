#include "vrrp/net/speaker_socket.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cerrno>

#include "common/bytes.h"
#include "vrrp/core/arp.h"
#include "vrrp/core/neighbour.h"

namespace hapair::vrrp {
namespace {

// A jump in a filter reaches 255 instructions.
constexpr std::size_t kMostCompared = 200;

/// Lets a packet pass whose word at `offset` is one of `words`, and for which `conditions`, (offset,
/// byte) pairs, hold.
std::vector<sock_filter> filter_of(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& conditions,
                                   std::uint32_t offset, const std::vector<std::uint32_t>& words) {
  std::vector<sock_filter> program;
  const sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
  for (const auto& [at, byte] : conditions) {
    program.push_back(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, byte, 1, 0));
    program.push_back(drop);
  }
  program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
  for (std::size_t i = 0; i < words.size(); ++i) {
    // Past the comparisons that are left and the drop behind them.
    const auto to_pass = static_cast<std::uint8_t>(words.size() - i);
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, words[i], to_pass, 0));
  }
  program.push_back(drop);
  program.push_back(BPF_STMT(BPF_RET | BPF_K, 0xFFFF));
  return program;
}

}  // namespace

Result<SpeakerSocket> SpeakerSocket::open(int index, const std::vector<IpAddress>& addresses) {
  SpeakerSocket out;
  out.v6_ = addresses.front().is_v6();
  std::vector<std::uint32_t> words;
  for (const IpAddress& address : addresses) {
    if (words.size() == kMostCompared) break;
    words.push_back(load_be32(address.data() + address.size() - 4));
  }
  // Seen from the network header: ARP's sender; behind IPv6's header an ICMP type and a target.
  const auto program = out.v6_ ? filter_of({{6, 58}, {40, 136}}, 60, words) : filter_of({}, 14, words);
  // Bound to a protocol only when the filter is in place: nothing else is ever queued.
  out.fd_ = FileDescriptor(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!out.fd_) return fail_errno(errno, "cannot open a packet socket (CAP_NET_RAW)");
  const sock_fprog attached{.len = static_cast<unsigned short>(program.size()),
                            .filter = const_cast<sock_filter*>(program.data())};
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(out.v6_ ? ETH_P_IPV6 : ETH_P_ARP);
  at.sll_ifindex = index;
  if (::setsockopt(out.fd_.value(), SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) != 0 ||
      ::bind(out.fd_.value(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    return fail_errno(errno, "cannot listen to who answers for the virtual addresses");
  return out;
}

std::optional<Speaker> SpeakerSocket::receive(std::span<std::uint8_t> buffer) {
  for (;;) {
    sockaddr_ll from{};
    socklen_t length = sizeof from;
    const ssize_t size = ::recvfrom(fd_.value(), buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0) return std::nullopt;
    if (from.sll_pkttype == PACKET_OUTGOING) continue;
    const ByteView bytes = ByteView(buffer).first(static_cast<std::size_t>(size));
    if (v6_) {
      if (const auto speaker = read_neighbour_advert(bytes)) return Speaker{speaker->mac, speaker->address};
    } else if (const auto speaker = read_arp(bytes)) {
      return Speaker{speaker->mac, speaker->address};
    }
  }
}

}  // namespace hapair::vrrp
