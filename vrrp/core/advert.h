// The VRRPv2 advert as a value, and its bytes on the wire (RFC 3768 section 5, authentication of
// RFC 2338 section 5.3.6).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "common/address.h"
#include "common/bytes.h"

namespace hapair::vrrp {

inline constexpr std::uint8_t kProtocol = 112;
inline constexpr std::uint8_t kTtl = 255;  // RFC 3768 5.2.3: proof that no router forwarded it
inline constexpr std::uint32_t kGroup = 0xE0000012;   // 224.0.0.18, host order
inline constexpr std::uint8_t kTypeOfService = 0xC0;  // internetwork control, as keepalived sends
inline constexpr std::uint8_t kResign = 0;            // priority of a master that gives up
inline constexpr std::uint8_t kOwner = 255;           // priority of the addresses' owner
inline constexpr std::size_t kAuthSize = 8;           // always on the wire, zeros when unused

enum class AuthType : std::uint8_t { None = 0, Pass = 1 };
using AuthBytes = std::array<std::uint8_t, kAuthSize>;

/// Zero padded, cut at 8 bytes.
AuthBytes auth_bytes(std::string_view password);

struct Advert {
  std::uint8_t virtual_router_id = 0;
  std::uint8_t priority = 0;
  std::chrono::seconds interval{1};  // 1..255
  AuthType auth_type = AuthType::None;
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
  Version,     // not 2
  Type,        // not 1 (advertisement)
  Vrid,        // another virtual router on this link: normal, silent
  Count,       // the address count does not fit the length
  Checksum,    // damaged on the way, or forged without care
  AuthKind,    // the sender authenticates in another way
  Password,    // wrong password
  Interval,    // RFC 3768 7.1: the interval must be ours
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
  std::uint8_t virtual_router_id = 0;
  std::chrono::seconds interval{1};
  AuthType auth_type = AuthType::None;
  AuthBytes auth{};
  IpAddress own_address;
};

/// The VRRP message alone.
Bytes encode(const Advert& advert);
/// The message within an IPv4 header, for a socket with IP_HDRINCL. `id` must not be 0 (the kernel
/// would put its own); the kernel fills in the header's checksum.
Bytes encode_datagram(const Advert& advert, const IpAddress& source, std::uint16_t id);

/// Takes the IPv4 header off a packet as a raw socket delivers it.
tl::expected<Datagram, Refusal> read_datagram(ByteView packet);
tl::expected<Advert, Refusal> decode(const Datagram& datagram, const Terms& terms);

/// The Internet checksum (RFC 1071) of `bytes`; 0 if they contain their own correct checksum.
std::uint16_t checksum(ByteView bytes);

}  // namespace hapair::vrrp
