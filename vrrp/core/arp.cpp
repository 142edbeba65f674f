#include "vrrp/core/arp.h"

namespace hapair::vrrp {

Bytes gratuitous_arp(const MacAddress& sender, const IpAddress& address) {
  constexpr MacAddress kBroadcast = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  Bytes frame;
  frame.reserve(42);
  const auto append = [&frame](const auto* bytes, std::size_t size) {
    frame.insert(frame.end(), bytes, bytes + size);
  };
  append(kBroadcast.data(), kBroadcast.size());
  append(sender.data(), sender.size());
  constexpr std::uint8_t kTypeAndArpHeader[] = {0x08, 0x06,        // EtherType ARP
                                                0x00, 0x01,        // hardware: Ethernet
                                                0x08, 0x00, 6, 4,  // protocol: IPv4; lengths
                                                0x00, 0x01};       // request
  append(kTypeAndArpHeader, sizeof kTypeAndArpHeader);
  append(sender.data(), sender.size());
  append(address.data(), 4);
  append(kBroadcast.data(), kBroadcast.size());
  append(address.data(), 4);
  return frame;
}

}  // namespace hapair::vrrp
