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
  for (const AuthType type : {AuthType::None, AuthType::Pass}) {
    const Terms terms{.virtual_router_id = 51,
                      .interval = std::chrono::seconds(1),
                      .auth_type = type,
                      .auth = auth_bytes(type == AuthType::Pass ? "secret" : ""),
                      .own_address = hapair::IpAddress::v4(0xC0A8320B)};
    const auto advert = decode(*datagram, terms);
    if (!advert) continue;
    const hapair::Bytes again = encode(*advert);
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
