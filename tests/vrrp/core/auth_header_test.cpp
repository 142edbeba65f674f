#include "vrrp/core/auth_header.h"

#include <gtest/gtest.h>

#include "tests/vrrp/hex.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// As Debian's keepalived 2.2.7 sent its first two: seed 004's key, virtual router 51, priority 103.
const Bytes kFirst = from_hex(
    "45c0004000010000ff33e802c0a8320ce0000012 70040000c0a8320c00000001b4d16a4c2b079fe3317eee29"
    "2133670102018317c0a8320a0000000000000000");
const Bytes kSecond = from_hex(
    "45c0004000020000ff33e801c0a8320ce0000012 70040000c0a8320c000000023d3d2b7520c41cf8cd9e95c4"
    "2133670102018317c0a8320a0000000000000000");
const AuthBytes kKey = auth_bytes("PASSWORD");
const Endpoints kWay{IpAddress::v4(0xC0A8320C), group(false)};

const Advert kAdvert{.virtual_router_id = 51,
                     .priority = 103,
                     .interval = 1s,
                     .auth_type = AuthType::Header,
                     .addresses = {IpAddress::v4(0xC0A8320A)}};

tl::expected<AuthHeader, Refusal> read(const Bytes& packet, const AuthBytes& key = kKey) {
  return read_auth_header(*read_ipv4(packet), key);
}

TEST(AuthHeader, ReadsWhatKeepalivedSends) {
  const auto header = read(kFirst);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->sequence, 1U);
  EXPECT_EQ(decode_message(header->message, kWay,
                           {.virtual_router_id = 51, .auth_type = AuthType::Header}),
            kAdvert);
  EXPECT_EQ(read(kSecond)->sequence, 2U);
}

TEST(AuthHeader, WritesWhatKeepalivedSendsBitForBit) {
  const Bytes message = encode_message(kAdvert, kWay);
  EXPECT_EQ(write_auth_header(kWay, 255, 1, kKey, 1, message), kFirst);
  EXPECT_EQ(write_auth_header(kWay, 255, 2, kKey, 2, message), kSecond);
}

TEST(AuthHeader, RefusesAnyFlippedBitThatItCovers) {
  for (std::size_t bit = 0; bit < kFirst.size() * 8; ++bit) {
    Bytes flipped = kFirst;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    const auto datagram = read_ipv4(flipped);
    if (!datagram) continue;
    // Type of service, flags, fragment offset and checksum change on the way.
    const std::size_t at = bit / 8;
    const bool mutable_field = at == 1 || at == 6 || at == 7 || at == 10 || at == 11;
    EXPECT_EQ(read_auth_header(*datagram, kKey).has_value(), mutable_field) << "bit " << bit;
  }
}

TEST(AuthHeader, NamesWhatIsWrong) {
  EXPECT_EQ(read(kFirst, auth_bytes("password")).error(), Refusal::Signature);
  Bytes other = kFirst;
  other[20] = 6;  // next header: TCP
  EXPECT_EQ(read(other).error(), Refusal::AuthKind);
  const Bytes of_another = write_auth_header({IpAddress::v4(0xC0A8320D), group(false)}, 255, 1, kKey,
                                             1, encode_message(kAdvert, kWay));
  Bytes spoken_for = of_another;
  spoken_for[15] = 0x0C;  // says it comes from .12
  EXPECT_EQ(read(spoken_for).error(), Refusal::Signature);
  Bytes cut = write_packet(kWay, kAuthHeaderProtocol, 255, 1, ByteView(kFirst).subspan(20, 20));
  EXPECT_EQ(read(cut).error(), Refusal::Length);
}

TEST(AuthHeader, LeavesOutTheTimeToLiveOfUnicastAlone) {
  const Endpoints unicast{IpAddress::v4(0xC0A8320C), IpAddress::v4(0xC0A8320B)};
  Bytes packet = write_auth_header(unicast, 255, 1, kKey, 1, encode_message(kAdvert, unicast));
  packet[8] = 254;
  EXPECT_TRUE(read(packet));
  Bytes multicast = kFirst;
  multicast[8] = 254;
  EXPECT_FALSE(read(multicast));
}

}  // namespace
}  // namespace hapair::vrrp
