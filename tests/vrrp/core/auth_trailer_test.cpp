#include "vrrp/core/auth_trailer.h"

#include <gtest/gtest.h>

#include "tests/vrrp/hex.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

std::string secret() {
  std::string out;
  for (char c = 0; c < 32; ++c) out += c;
  return out;
}
const KeyRing::Key kKey{.id = 1, .secret = secret()};

// As keepalived 2.4.3 signs with that key: version 3 at 0.1 s and version 2 over IPv4, version 3 over
// IPv6. Payloads alone.
const Bytes kVersion3 = from_hex(
    "31336701000aa1cac0a8320a 010100006b099122d5ff0000d7d0bb7c6f8ea1645c22048622c2e21c");
const Bytes kVersion2 = from_hex(
    "2133670100018517c0a8320a0000000000000000"
    "010100006b09915b61a0000082515f83e539795a6e94a9d13ceab524");
const Bytes kOverIpv6 = from_hex(
    "31336702000a69c5fe80000000000000000000000000001020010db8000000000000000000000010"
    "010100006b099175169400009813628d2797e93a6cbddd36b6adecf3");
const IpAddress kSender = IpAddress::v4(0xC0A8320C);
const IpAddress kSender6 = *IpAddress::parse("fe80::645d:eff:fe72:546a");

struct Captured {
  IpAddress sender;
  Bytes payload;
  ByteView message() const { return ByteView(payload).first(payload.size() - kAuthTrailerSize); }
  ByteView trailer() const { return ByteView(payload).last(kAuthTrailerSize); }
};
const Captured kCaptured[] = {
    {kSender, kVersion3}, {kSender, kVersion2}, {kSender6, kOverIpv6}};

TEST(AuthTrailer, BelievesWhatKeepalivedSigns) {
  for (const Captured& captured : kCaptured) {
    const auto trailer = read_auth_trailer(captured.trailer());
    ASSERT_TRUE(trailer);
    EXPECT_EQ(trailer->key_id, 1);
    EXPECT_EQ(trailer->stamp.seconds() >> 8, 0x6b0991);
    EXPECT_TRUE(is_signed(captured.sender, captured.message(), captured.trailer(), kKey));
  }
}

TEST(AuthTrailer, SignsAsKeepalivedDoesBitForBit) {
  for (const Captured& captured : kCaptured) {
    const Stamp stamp = read_auth_trailer(captured.trailer())->stamp;
    const Bytes ours = write_auth_trailer(captured.sender, captured.message(), kKey, stamp);
    EXPECT_EQ(ours, Bytes(captured.trailer().begin(), captured.trailer().end()));
  }
}

TEST(AuthTrailer, RefusesAnyFlippedBitButThoseOfTheChecksum) {
  for (const Captured& captured : kCaptured)
    for (std::size_t bit = 0; bit < captured.payload.size() * 8; ++bit) {
      Captured flipped = captured;
      flipped.payload[bit / 8] =
          static_cast<std::uint8_t>(flipped.payload[bit / 8] ^ (1U << (bit % 8)));
      const bool of_checksum = bit / 8 == 6 || bit / 8 == 7;
      EXPECT_EQ(is_signed(flipped.sender, flipped.message(), flipped.trailer(), kKey), of_checksum)
          << "bit " << bit;
    }
}

TEST(AuthTrailer, IsOfOneSenderAndOneKey) {
  const Captured& captured = kCaptured[0];
  EXPECT_FALSE(is_signed(IpAddress::v4(0xC0A8320D), captured.message(), captured.trailer(), kKey));
  const KeyRing::Key other{.id = 1, .secret = std::string(32, 'x')};
  EXPECT_FALSE(is_signed(kSender, captured.message(), captured.trailer(), other));
}

TEST(AuthTrailer, IsNoTrailerWithAnotherTypeOrAReservedBit) {
  for (const std::size_t at : {0U, 2U, 3U}) {
    Bytes changed(kCaptured[0].trailer().begin(), kCaptured[0].trailer().end());
    changed[at] = 2;
    EXPECT_FALSE(read_auth_trailer(changed)) << at;
  }
}

TEST(Stamp, IsTheTimeInSecondsAndParts) {
  EXPECT_EQ(Stamp::at(WallTime(1s + 500ms)).value, 1ULL << 32 | 0x8000ULL << 16);
  EXPECT_EQ(Stamp::at(WallTime(7s)).seconds(), 7);
}

TEST(StampSource, AlwaysGoesOn) {
  StampSource source;
  const WallTime now(1000s);
  const Stamp first = source.next(now, 5s);
  const Stamp second = source.next(now, 5s);
  EXPECT_EQ(second.value, first.value + 1) << "the clock stood still";
  const Stamp third = source.next(now - 3s, 5s);
  EXPECT_TRUE(third.is_after(second)) << "set back a little";
  EXPECT_EQ(source.next(now - 100s, 5s), Stamp::at(now - 100s)) << "set back far: begins anew";
  source.resume(Stamp::at(now));
  EXPECT_TRUE(source.next(now, 5s).is_after(Stamp::at(now))) << "after a restart within an instant";
}

TEST(Stamp, GoesOnWhenTheSecondsComeToTheirEnd) {
  const Stamp last{0xFFFFFFFF'00000000}, next{0x00000000'00010000};
  EXPECT_TRUE(next.is_after(last));
  EXPECT_FALSE(last.is_after(next));
}

}  // namespace
}  // namespace hapair::vrrp
