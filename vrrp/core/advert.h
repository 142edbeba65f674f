// The VRRP advert as a value, and its message on the wire: version 2 (RFC 3768 section 5,
// authentication of RFC 2338 section 5.3.6) and version 3 (RFC 9568 section 5).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "common/address.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "vrrp/core/ip_packet.h"
#include "vrrp/core/refusal.h"

namespace hapair::vrrp {

inline constexpr std::uint8_t kResign = 0;    // priority of a master that gives up
inline constexpr std::uint8_t kOwner = 255;   // priority of the addresses' owner
inline constexpr std::size_t kAuthSize = 8;   // always on the wire of version 2, zeros when unused
inline constexpr std::size_t kMostAddresses = 255;
/// What a version 3 advert counts its interval in, and how far 12 bits reach.
inline constexpr Duration kCentisecond = std::chrono::milliseconds(10);
inline constexpr Duration kLongestInterval3 = 4095 * kCentisecond;

enum class Version : std::uint8_t { V2 = 2, V3 = 3 };

/// What the checksum of a version 3 advert over IPv4 covers. RFC 5798 was read both ways: keepalived
/// and FRR put a pseudo header before the message, RFC 9568 and most router makers do not. Over IPv6
/// there is always one.
enum class ChecksumForm : std::uint8_t { Plain, Pseudo };

/// As version 2 says it in its message; of version 3 always None.
enum class AuthType : std::uint8_t { None = 0, Pass = 1, Header = 2 };
using AuthBytes = std::array<std::uint8_t, kAuthSize>;

/// Zero padded, cut at 8 bytes.
AuthBytes auth_bytes(std::string_view password);

struct Advert {
  Version version = Version::V2;
  std::uint8_t virtual_router_id = 0;
  std::uint8_t priority = 0;
  Duration interval = std::chrono::seconds(1);  // whole seconds 1..255; version 3: 0.01..40.95 s
  ChecksumForm checksum = ChecksumForm::Plain;  // of version 2 always
  AuthType auth_type = AuthType::None;
  AuthBytes auth{};
  std::vector<IpAddress> addresses;  // of the family it travels in, at most 255
  friend bool operator==(const Advert&, const Advert&) = default;
};

/// What a receiver demands of a message before it believes it.
struct Terms {
  Version version = Version::V2;
  std::uint8_t virtual_router_id = 0;
  Duration interval = std::chrono::seconds(1);  // version 3 believes any
  AuthType auth_type = AuthType::None;
  AuthBytes auth{};
};

/// The message alone. `way` tells the family, and over IPv6 and in a pseudo header is covered by the
/// checksum. `trailer` follows the message; only over IPv6 does the checksum cover it.
Bytes encode_message(const Advert& advert, const Endpoints& way, ByteView trailer = {});

/// How long the message at the beginning of `bytes` says it is. Nothing: there is not even a beginning.
std::optional<std::size_t> message_size(ByteView bytes, bool v6);

/// `trailer`: how many bytes at the end of `bytes` are not of the message.
tl::expected<Advert, Refusal> decode_message(ByteView bytes, const Endpoints& way,
                                             const Terms& terms, std::size_t trailer = 0);

}  // namespace hapair::vrrp
