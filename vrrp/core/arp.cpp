#include "vrrp/core/arp.h"

#include <algorithm>

namespace hapair::vrrp {
namespace {

constexpr MacAddress kBroadcast = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

constexpr std::uint8_t kHeader[] = {0x00, 0x01,         // hardware: Ethernet
                                    0x08, 0x00, 6, 4};  // protocol: IPv4; lengths
constexpr std::uint8_t kRequest = 1;

Bytes request(const MacAddress& sender, const IpAddress& source, const MacAddress& target_mac,
              const IpAddress& target) {
  Bytes frame;
  frame.reserve(42);
  append(frame, kBroadcast);
  append(frame, sender);
  frame.insert(frame.end(), {0x08, 0x06});  // EtherType
  append(frame, kHeader);
  frame.insert(frame.end(), {0x00, kRequest});
  append(frame, sender);
  append(frame, ByteView(source.data(), 4));
  append(frame, target_mac);
  append(frame, ByteView(target.data(), 4));
  return frame;
}

}  // namespace

Bytes gratuitous_arp(const MacAddress& sender, const IpAddress& address) {
  return request(sender, address, kBroadcast, address);
}

Bytes arp_request(const MacAddress& sender, const IpAddress& source, const IpAddress& wanted) {
  return request(sender, source, MacAddress{}, wanted);
}

std::optional<ArpSpeaker> read_arp(ByteView packet) {
  if (packet.size() < 28 || !std::ranges::equal(packet.first(sizeof kHeader), kHeader))
    return std::nullopt;
  ArpSpeaker speaker;
  std::copy_n(&packet[8], speaker.mac.size(), speaker.mac.begin());
  speaker.address = IpAddress::v4(load_be32(&packet[14]));
  return speaker;
}

}  // namespace hapair::vrrp
