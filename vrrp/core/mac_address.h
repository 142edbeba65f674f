// A link's hardware address.
#pragma once

#include <array>
#include <cstdint>

namespace hapair::vrrp {

using MacAddress = std::array<std::uint8_t, 6>;

/// RFC 9568 7.3: the one that moves with a virtual router's addresses.
constexpr MacAddress virtual_mac(bool v6, std::uint8_t virtual_router_id) {
  return {0x00, 0x00, 0x5E, 0x00, static_cast<std::uint8_t>(v6 ? 2 : 1), virtual_router_id};
}

}  // namespace hapair::vrrp
