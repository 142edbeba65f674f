// The VRRP advert as a value, and its bytes on the wire: version 2 (RFC 3768 section 5,
// authentication of RFC 2338 section 5.3.6) and version 3 (RFC 9568 section 5).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "common/address.h"
#include "common/bytes.h"
#include "common/clock.h"

namespace hapair::vrrp {

inline constexpr std::uint8_t kProtocol = 112;
inline constexpr std::uint8_t kTtl = 255;  // RFC 3768 5.2.3: proof that no router forwarded it
inline constexpr std::uint32_t kGroup = 0xE0000012;   // 224.0.0.18, host order
inline constexpr std::uint8_t kTypeOfService = 0xC0;  // internetwork control, as keepalived sends
inline constexpr std::uint8_t kResign = 0;            // priority of a master that gives up
inline constexpr std::uint8_t kOwner = 255;           // priority of the addresses' owner
inline constexpr std::size_t kAuthSize = 8;  // always on the wire of version 2, zeros when unused
/// What a version 3 advert counts its interval in, and how far 12 bits reach.
inline constexpr Duration kCentisecond = std::chrono::milliseconds(10);
inline constexpr Duration kLongestInterval3 = 4095 * kCentisecond;

enum class Version : std::uint8_t { V2 = 2, V3 = 3 };

/// What the checksum of a version 3 advert covers. RFC 5798 was read both ways: keepalived and FRR
/// put an IPv4 pseudo header before the message, RFC 9568 and most router makers do not.
enum class ChecksumForm : std::uint8_t { Plain, Pseudo };

enum class AuthType : std::uint8_t { None = 0, Pass = 1 };
using AuthBytes = std::array<std::uint8_t, kAuthSize>;

/// Zero padded, cut at 8 bytes.
AuthBytes auth_bytes(std::string_view password);

struct Advert {
  Version version = Version::V2;
  std::uint8_t virtual_router_id = 0;
  std::uint8_t priority = 0;
  Duration interval = std::chrono::seconds(1);  // whole seconds 1..255; version 3: 0.01..40.95 s
  ChecksumForm checksum = ChecksumForm::Plain;  // of version 2 always
  AuthType auth_type = AuthType::None;          // of version 3 always
  AuthBytes auth{};
  std::vector<IpAddress> addresses;  // IPv4, at most 255
  friend bool operator==(const Advert&, const Advert&) = default;
};

/// Why a packet was not believed. Each has a counter at the owner; none ever touches a timer.
enum class Refusal {
  Header,      // not a whole IPv4 packet of protocol 112
  Ttl,         // not 255: it came through a router
  OwnAddress,  // our own source address: an echo or an impostor
  Length,      // too short to be an advert
  Version,     // not ours
  Type,        // not 1 (advertisement)
  Vrid,        // another virtual router on this link: normal, silent
  Count,       // the address count does not fit the length
  Checksum,    // damaged on the way, or forged without care
  AuthKind,    // the sender authenticates in another way
  Password,    // wrong password
  Interval,    // RFC 3768 7.1: the interval must be ours; version 3: 0 is none
};
inline constexpr std::size_t kRefusals = 12;
/// A few words for logs and counters: "checksum", "interval mismatch".
std::string_view to_string(Refusal refusal);

/// What an IPv4 packet says around its payload. The payload is a view into the packet.
struct Datagram {
  IpAddress source;
  std::uint8_t ttl = 0;
  ByteView payload;
};

/// What a receiver demands of an advert before it believes it.
struct Terms {
  Version version = Version::V2;
  std::uint8_t virtual_router_id = 0;
  Duration interval = std::chrono::seconds(1);  // version 3 believes any
  AuthType auth_type = AuthType::None;
  AuthBytes auth{};
  IpAddress own_address;
};

/// The VRRP message alone. `source` is who sends it: only a pseudo header covers it.
Bytes encode(const Advert& advert, const IpAddress& source = {});
/// The message within an IPv4 header, for a socket with IP_HDRINCL. `id` must not be 0 (the kernel
/// would put its own); the kernel fills in the header's checksum.
Bytes encode_datagram(const Advert& advert, const IpAddress& source, std::uint16_t id);

/// Takes the IPv4 header off a packet as a raw socket delivers it.
tl::expected<Datagram, Refusal> read_datagram(ByteView packet);
tl::expected<Advert, Refusal> decode(const Datagram& datagram, const Terms& terms);

/// The Internet checksum (RFC 1071) of `bytes`; 0 if they contain their own correct checksum.
std::uint16_t checksum(ByteView bytes);

}  // namespace hapair::vrrp
