#include "vrrp/core/neighbour.h"

#include <gtest/gtest.h>

#include "tests/vrrp/hex.h"
#include "vrrp/core/arp.h"
#include "vrrp/core/ip_packet.h"

namespace hapair::vrrp {
namespace {

const MacAddress kMac = {2, 0, 0, 0, 0, 1};
const IpAddress kVirtual = *IpAddress::parse("2001:db8::10");

TEST(Neighbour, AnnouncesToAllNodesWithTheOverrideFlag) {
  const Bytes frame = unsolicited_neighbour_advert(kMac, kVirtual, false);
  ASSERT_EQ(frame.size(), 86U);
  EXPECT_EQ(Bytes(frame.begin(), frame.begin() + 14), from_hex("333300000001 020000000001 86dd"));
  EXPECT_EQ(frame[20], 58) << "ICMPv6";
  EXPECT_EQ(frame[21], 255) << "hop limit";
  EXPECT_EQ(Bytes(frame.begin() + 22, frame.begin() + 54),
            from_hex("20010db8000000000000000000000010 ff020000000000000000000000000001"));
  EXPECT_EQ(frame[54], 136);
  EXPECT_EQ(frame[58], 0x20) << "override; not a router, not solicited";
  EXPECT_EQ(Bytes(frame.begin() + 62, frame.end()),
            from_hex("20010db8000000000000000000000010 0201 020000000001"));
  const Endpoints way{kVirtual, *IpAddress::parse("ff02::1")};
  EXPECT_EQ(checksum_behind_pseudo_header(way, ByteView(frame).subspan(54), 58), 0);
  EXPECT_EQ(unsolicited_neighbour_advert(kMac, kVirtual, true)[58], 0xA0);
}

TEST(Neighbour, AsksTheGroupOfThoseWhoseAddressEndsSo) {
  const Bytes frame = neighbour_solicit(kMac, *IpAddress::parse("fe80::1"), kVirtual);
  EXPECT_EQ(Bytes(frame.begin(), frame.begin() + 6), from_hex("3333ff000010"));
  EXPECT_EQ(Bytes(frame.begin() + 38, frame.begin() + 54),
            from_hex("ff0200000000000000000001ff000010"));
  EXPECT_EQ(frame[54], 135);
}

TEST(Neighbour, HearsWhoSaysThatAnAddressIsHis) {
  const Bytes frame = unsolicited_neighbour_advert(kMac, kVirtual, false);
  const auto speaker = read_neighbour_advert(ByteView(frame).subspan(14));
  ASSERT_TRUE(speaker);
  EXPECT_EQ(speaker->mac, kMac);
  EXPECT_EQ(speaker->address, kVirtual);
  for (std::size_t size = 0; size < frame.size() - 14; ++size)
    EXPECT_FALSE(read_neighbour_advert(ByteView(frame).subspan(14, size))) << size;
  Bytes endless = frame;
  endless[79] = 0;  // an option without a length
  EXPECT_FALSE(read_neighbour_advert(ByteView(endless).subspan(14)));
  const Bytes question = neighbour_solicit(kMac, kVirtual, kVirtual);
  EXPECT_FALSE(read_neighbour_advert(ByteView(question).subspan(14)));
}

TEST(Arp, HearsWhoSaysThatAnAddressIsHis) {
  const IpAddress address = IpAddress::v4(0xC0A8320A);
  const Bytes frame = gratuitous_arp(kMac, address);
  const auto speaker = read_arp(ByteView(frame).subspan(14));
  ASSERT_TRUE(speaker);
  EXPECT_EQ(speaker->mac, kMac);
  EXPECT_EQ(speaker->address, address);
  for (std::size_t size = 0; size < 28; ++size)
    EXPECT_FALSE(read_arp(ByteView(frame).subspan(14, size))) << size;
}

TEST(Arp, AsksForAnotherAddressThanItsOwn) {
  const Bytes frame = arp_request(kMac, IpAddress::v4(0xC0A8320B), IpAddress::v4(0xC0A8320A));
  EXPECT_EQ(frame, from_hex("ffffffffffff 020000000001 0806 0001 0800 06 04 0001"
                            "020000000001 c0a8320b 000000000000 c0a8320a"));
}

}  // namespace
}  // namespace hapair::vrrp
