#include "vrrp/core/ip_packet.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

const Endpoints kWay{IpAddress::v4(0xC0A8320C), group(false)};
// An advert as keepalived 2.2.7 sent it; here only bytes.
const Bytes kMessage = {0x21, 0x33, 0x67, 0x01, 0x00, 0x01, 0x85, 0x17, 0xc0, 0xa8,
                        0x32, 0x0a, 0,    0,    0,    0,    0,    0,    0,    0};

Bytes packet() { return write_packet(kWay, kProtocol, kTtl, 7, kMessage); }

TEST(IpPacket, HasTheHeaderKeepalivedUses) {
  const Bytes out = packet();
  const Bytes header = {0x45, 0xC0, 0,    40,   0,   7,   0,  0,  255, 112,
                        0,    0,    192, 168, 50, 12, 224, 0, 0,   18};
  EXPECT_EQ(out.size(), 40U);
  EXPECT_EQ(checksum(ByteView(out).first(20)), 0) << "the header's own checksum is right";
  Bytes without_checksum(out.begin(), out.begin() + 20);
  store_be16(&without_checksum[10], 0);
  EXPECT_EQ(without_checksum, header);
}

TEST(IpPacket, ComesBackAsItWasWritten) {
  const Bytes out = packet();
  const auto datagram = read_ipv4(out);
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->way, kWay);
  EXPECT_EQ(datagram->ttl, 255);
  EXPECT_EQ(datagram->protocol, kProtocol);
  EXPECT_EQ(Bytes(datagram->payload.begin(), datagram->payload.end()), kMessage);
}

TEST(IpPacket, IgnoresPaddingBehindThePacketAndAcceptsIpOptions) {
  Bytes padded = packet();
  padded.resize(60);
  ASSERT_TRUE(read_ipv4(padded));
  EXPECT_EQ(read_ipv4(padded)->payload.size(), kMessage.size());

  Bytes options = packet();
  options.insert(options.begin() + 20, {1, 1, 1, 1});
  options[0] = 0x46;
  store_be16(&options[2], 44);
  ASSERT_TRUE(read_ipv4(options));
  EXPECT_EQ(read_ipv4(options)->header.size(), 24U);
  EXPECT_EQ(read_ipv4(options)->payload.size(), kMessage.size());
}

TEST(IpPacket, RefusesHeadersThatLieAboutTheirLength) {
  const Bytes whole = packet();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_ipv4(ByteView(whole).first(size))) << size;
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes changed = whole;
    changed[at] = value;
    return read_ipv4(changed).has_value();
  };
  EXPECT_FALSE(with(0, 0x65)) << "version 6";
  EXPECT_FALSE(with(0, 0x44)) << "header shorter than a header";
  EXPECT_FALSE(with(0, 0x4F)) << "header longer than the packet";
  EXPECT_FALSE(with(3, 19)) << "packet shorter than its header";
}

TEST(IpPacket, OfIpv6HasClassLengthAndHopLimit) {
  const Endpoints way{*IpAddress::parse("fe80::2"), group(true)};
  const Bytes out = write_packet(way, kProtocol, kTtl, 0, kMessage);
  const Bytes begin = {0x6C, 0, 0, 0, 0, 20, 112, 255, 0xFE, 0x80};
  EXPECT_EQ(Bytes(out.begin(), out.begin() + 10), begin);
  EXPECT_EQ(out[23], 2);
  EXPECT_EQ(out[24], 0xFF);
  EXPECT_EQ(out[39], 0x12);
  EXPECT_EQ(Bytes(out.begin() + 40, out.end()), kMessage);
}

}  // namespace
}  // namespace hapair::vrrp
