// ARP: telling the link where a virtual address lives now, and hearing who else says so.
#pragma once

#include <optional>

#include "common/address.h"
#include "common/bytes.h"
#include "vrrp/core/mac_address.h"

namespace hapair::vrrp {

/// A broadcast ARP request for `address` by its own holder (RFC 5227 section 3 calls it an
/// announcement): 42 bytes, Ethernet header included, byte for byte what keepalived sends.
Bytes gratuitous_arp(const MacAddress& sender, const IpAddress& address);

/// A broadcast ARP request of a host for another address than its own.
Bytes arp_request(const MacAddress& sender, const IpAddress& source, const IpAddress& wanted);
/// Who says in an ARP packet (without its Ethernet header) that an address is his.
struct ArpSpeaker {
  MacAddress mac{};
  IpAddress address;
};
/// Nothing: this is no ARP for IPv4 over Ethernet.
std::optional<ArpSpeaker> read_arp(ByteView packet);

}  // namespace hapair::vrrp
