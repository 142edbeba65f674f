// Version 2's authentication type 2 as keepalived has it: an IPsec authentication header (RFC 2402)
// around the advert, IPv4 alone.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>

#include "vrrp/core/advert.h"
#include "vrrp/core/ip_packet.h"

namespace hapair::vrrp {

/// How keepalived's header is made: next header 112, the SPI is the sender's address, a 32-bit sequence
/// number, and the first 12 bytes of HMAC-MD5 over the IP header (TOS, flags, fragment offset and
/// checksum taken as 0; the time to live too, but only of unicast), the header itself with an empty
/// signature, and the advert. The key is the password's 8 bytes.
struct AuthHeader {
  std::uint32_t sequence = 0;
  ByteView message;  // a view into the packet
};

/// The whole packet. `id` must not be 0: it is signed.
Bytes write_auth_header(const Endpoints& way, std::uint8_t ttl, std::uint16_t id,
                        const AuthBytes& key, std::uint32_t sequence, ByteView message);

/// Believes no more than the signature: whether the sequence number is a new one is for the caller.
tl::expected<AuthHeader, Refusal> read_auth_header(const Datagram& datagram, const AuthBytes& key);

}  // namespace hapair::vrrp
