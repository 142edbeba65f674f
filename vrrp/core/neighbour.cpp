#include "vrrp/core/neighbour.h"

#include <algorithm>

#include "vrrp/core/ip_packet.h"

namespace hapair::vrrp {
namespace {

constexpr std::uint8_t kIcmp = 58;
constexpr std::uint8_t kSolicit = 135;
constexpr std::uint8_t kAdvert = 136;
constexpr std::uint8_t kHopLimit = 255;  // RFC 4861 7.1: nothing else is believed
constexpr std::uint8_t kSourceLink = 1, kTargetLink = 2;  // options
constexpr std::uint8_t kRouter = 0x80, kOverride = 0x20;

/// RFC 2464 7: the hardware address of a multicast group.
MacAddress group_mac(const IpAddress& group) {
  const std::uint8_t* at = group.data() + 12;
  return {0x33, 0x33, at[0], at[1], at[2], at[3]};
}

Bytes frame(const MacAddress& sender, const Endpoints& way, std::uint8_t type, std::uint8_t flags,
            const IpAddress& target, std::uint8_t option) {
  Bytes message(8);
  message[0] = type;
  message[4] = flags;
  append(message, ByteView(target.data(), 16));
  message.insert(message.end(), {option, 1});
  append(message, sender);
  store_be16(&message[2], checksum_behind_pseudo_header(way, message, kIcmp));

  Bytes out;
  append(out, group_mac(way.destination));
  append(out, sender);
  out.insert(out.end(), {0x86, 0xDD});
  append(out, write_packet(way, kIcmp, kHopLimit, 0, message));
  return out;
}

}  // namespace

Bytes unsolicited_neighbour_advert(const MacAddress& sender, const IpAddress& address,
                                   bool router) {
  const IpAddress all_nodes =
      IpAddress::v6({0xFF, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  return frame(sender, {address, all_nodes}, kAdvert,
               static_cast<std::uint8_t>(kOverride | (router ? kRouter : 0)), address, kTargetLink);
}

Bytes neighbour_solicit(const MacAddress& sender, const IpAddress& source,
                        const IpAddress& wanted) {
  // RFC 4291 2.7.1: the group of those whose address ends so.
  std::array<std::uint8_t, 16> solicited = {0xFF, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF};
  std::copy_n(wanted.data() + 13, 3, solicited.begin() + 13);
  return frame(sender, {source, IpAddress::v6(solicited)}, kSolicit, 0, wanted, kSourceLink);
}

std::optional<NeighbourSpeaker> read_neighbour_advert(ByteView packet) {
  constexpr std::size_t kIpHeader = 40, kMessage = 24, kOption = 8;
  if (packet.size() < kIpHeader + kMessage + kOption || packet[0] >> 4 != 6 || packet[6] != kIcmp ||
      packet[7] != kHopLimit || packet[kIpHeader] != kAdvert)
    return std::nullopt;
  std::array<std::uint8_t, 16> target;
  std::copy_n(&packet[kIpHeader + 8], target.size(), target.begin());
  NeighbourSpeaker speaker{.address = IpAddress::v6(target)};
  // Options, each with its length in units of eight bytes.
  for (std::size_t at = kIpHeader + kMessage; at + kOption <= packet.size();) {
    const std::size_t size = std::size_t{8} * packet[at + 1];
    if (size == 0) return std::nullopt;
    if (packet[at] == kTargetLink && packet[at + 1] == 1) {
      std::copy_n(&packet[at + 2], speaker.mac.size(), speaker.mac.begin());
      return speaker;
    }
    at += size;
  }
  return std::nullopt;
}

}  // namespace hapair::vrrp
