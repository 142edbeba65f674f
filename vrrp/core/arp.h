// The gratuitous ARP frame that tells the link where a virtual address lives now.
#pragma once

#include <array>
#include <cstdint>

#include "common/address.h"
#include "common/bytes.h"

namespace hapair::vrrp {

using MacAddress = std::array<std::uint8_t, 6>;

/// A broadcast ARP request for `address` by its own holder (RFC 5227 section 3 calls it an
/// announcement): 42 bytes, Ethernet header included, byte for byte what keepalived sends.
Bytes gratuitous_arp(const MacAddress& sender, const IpAddress& address);

}  // namespace hapair::vrrp
