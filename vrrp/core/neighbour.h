// IPv6 neighbour discovery: telling the link where a virtual address lives now, and hearing who else
// says so.
#pragma once

#include <optional>

#include "common/address.h"
#include "common/bytes.h"
#include "vrrp/core/mac_address.h"

namespace hapair::vrrp {

/// An unsolicited neighbour advertisement (RFC 4861 7.2.6) with the override flag, from the address it
/// is about: 86 bytes, Ethernet header included. `router`: the sender forwards packets.
Bytes unsolicited_neighbour_advert(const MacAddress& sender, const IpAddress& address, bool router);
/// A neighbour solicitation of a host for another address than its own.
Bytes neighbour_solicit(const MacAddress& sender, const IpAddress& source, const IpAddress& wanted);

struct NeighbourSpeaker {
  MacAddress mac{};
  IpAddress address;
};
/// Who says in an IPv6 packet that an address is his. Nothing: this is no neighbour advertisement.
std::optional<NeighbourSpeaker> read_neighbour_advert(ByteView packet);

}  // namespace hapair::vrrp
