// Any bytes as an IPv4 packet to the advert decoder, in every way of authentication: no input may do
// harm, and what is believed must be exactly what encoding it again gives.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "vrrp/core/advert_codec.h"

namespace {

using namespace hapair::vrrp;

AdvertCodec codec(Version version, Authentication auth) {
  AdvertCodec out({.version = version,
                   .virtual_router_id = 51,
                   .interval = std::chrono::seconds(1),
                   .auth = std::move(auth),
                   .own = {hapair::IpAddress::v4(0xC0A8320B)},
                   .peers = {hapair::IpAddress::v4(0xC0A8320C)}});
  return out;
}

void check_bare(const Datagram& datagram, const Terms& terms) {
  const auto advert = decode_message(datagram.payload, datagram.way, terms);
  if (!advert) return;
  hapair::Bytes again = encode_message(*advert, datagram.way);
  if (terms.version == Version::V3)  // what is reserved is ignored, and not sent again
    again[4] = static_cast<std::uint8_t>(again[4] | (datagram.payload[4] & 0xF0));
  // The checksum may be written as 0 or as 0xFFFF when it is zero; everything else is unique.
  if (again.size() != datagram.payload.size() ||
      !std::equal(again.begin(), again.begin() + 6, datagram.payload.begin()) ||
      !std::equal(again.begin() + 8, again.end(), datagram.payload.begin() + 8))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto datagram = read_ipv4({bytes, size});
  if (!datagram) return 0;
  for (const Version version : {Version::V2, Version::V3})
    for (const AuthType type : {AuthType::None, AuthType::Pass})
      check_bare(*datagram, {.version = version,
                             .virtual_router_id = 51,
                             .auth_type = type,
                             .auth = auth_bytes(type == AuthType::Pass ? "secret" : "")});
  const hapair::WallTime now{std::chrono::seconds(1795780000)};
  const hapair::KeyRing keys{{{.id = 1, .secret = std::string(32, 'k')}}};
  for (const Version version : {Version::V2, Version::V3})
    for (const auto kind : {Authentication::Kind::None, Authentication::Kind::Header,
                            Authentication::Kind::Trailer})
      for (const bool timed : {false, true}) {
        AdvertCodec receiver = codec(version, {.kind = kind,
                                               .password = auth_bytes("PASSWORD"),
                                               .keys = keys,
                                               .timed = timed});
        const auto before = receiver.memory();
        const bool believed = receiver.decode(*datagram, now).has_value();
        if (!believed && receiver.memory() != before) std::abort();
        // Nobody believes the same thing twice, where there is a way to tell.
        if (believed && kind != Authentication::Kind::None && receiver.decode(*datagram, now))
          std::abort();
      }
  return 0;
}
