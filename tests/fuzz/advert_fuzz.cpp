// Any bytes as an IPv4 packet to the advert decoder: no input may do harm, and what is believed
// must be exactly what encoding it again gives.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "vrrp/core/advert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hapair::vrrp;
  const auto datagram = read_datagram({bytes, size});
  if (!datagram) return 0;
  struct Kind {
    Version version;
    AuthType type;
  };
  for (const auto& [version, type] : {Kind{Version::V2, AuthType::None}, {Version::V2, AuthType::Pass},
                                      {Version::V3, AuthType::None}}) {
    const Terms terms{.version = version,
                      .virtual_router_id = 51,
                      .interval = std::chrono::seconds(1),
                      .auth_type = type,
                      .auth = auth_bytes(type == AuthType::Pass ? "secret" : ""),
                      .own_address = hapair::IpAddress::v4(0xC0A8320B)};
    const auto advert = decode(*datagram, terms);
    if (!advert) continue;
    hapair::Bytes again = encode(*advert, datagram->source);
    if (version == Version::V3)  // what is reserved is ignored, and not sent again
      again[4] = static_cast<std::uint8_t>(again[4] | (datagram->payload[4] & 0xF0));
    // The checksum may be written as 0 or as 0xFFFF when it is zero; everything else is unique.
    const auto same_but_checksum = [&] {
      return again.size() == datagram->payload.size() &&
             std::equal(again.begin(), again.begin() + 6, datagram->payload.begin()) &&
             std::equal(again.begin() + 8, again.end(), datagram->payload.begin() + 8);
    };
    if (!same_but_checksum()) std::abort();
  }
  return 0;
}
