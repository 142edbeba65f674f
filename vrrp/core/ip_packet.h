// The IP packet around an advert, as raw sockets give and take it.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>

#include "common/address.h"
#include "common/bytes.h"
#include "vrrp/core/refusal.h"

namespace hapair::vrrp {

inline constexpr std::uint8_t kProtocol = 112;
inline constexpr std::uint8_t kAuthHeaderProtocol = 51;
inline constexpr std::uint8_t kTtl = 255;  // RFC 3768 5.2.3: proof that no router forwarded it
inline constexpr std::uint8_t kTypeOfService = 0xC0;  // internetwork control, as keepalived sends
/// 224.0.0.18 or ff02::12.
IpAddress group(bool v6);

/// Who speaks, and to whom. Both of one family, which is the packet's.
struct Endpoints {
  IpAddress source;
  IpAddress destination;
  bool is_v6() const { return destination.is_v6(); }
  friend bool operator==(const Endpoints&, const Endpoints&) = default;
};

/// What a packet says around its payload. The views are into the packet.
struct Datagram {
  Endpoints way;
  std::uint8_t ttl = 0;  // IPv6: hop limit
  std::uint8_t protocol = kProtocol;
  ByteView header;  // of IPv4; over IPv6 the kernel keeps it
  ByteView payload;
};

/// Takes the IPv4 header off a packet as a raw socket delivers it.
tl::expected<Datagram, Refusal> read_ipv4(ByteView packet);

/// `payload` behind a header, whole. Over IPv4 `id` must not be 0 (the kernel would put its own) and
/// goes on the wire as it is.
Bytes write_packet(const Endpoints& way, std::uint8_t protocol, std::uint8_t ttl, std::uint16_t id,
                   ByteView payload);

/// The Internet checksum (RFC 1071) of `bytes`; 0 if they contain their own correct checksum.
std::uint16_t checksum(ByteView bytes);
/// The same of `message` behind the pseudo header of its packet (RFC 8200 8.1; the IPv4 one is
/// RFC 793's). `length` is what that header says.
std::uint16_t checksum_behind_pseudo_header(const Endpoints& way, ByteView message,
                                            std::uint8_t protocol = kProtocol);

}  // namespace hapair::vrrp
