#include "vrrp/core/testament.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

Testament testament() {
  return {.addresses = {{7, *Cidr::parse("192.168.50.10/32")}, {9, *Cidr::parse("2001:db8::10/128")}},
          .routes = {{.to = *Cidr::parse("0.0.0.0/0"), .via = *IpAddress::parse("192.168.50.1"),
                      .index = 7, .metric = 3, .table = 9},
                     {.to = *Cidr::parse("::/0"), .source = *IpAddress::parse("::2")}},
          .links = {12},
          .packets = {{.index = 7, .interface = "eth1", .destination = *IpAddress::parse("224.0.0.18"),
                       .bytes = {0x45, 0, 1}}},
          .settings = {{"/proc/sys/net/ipv4/conf/eth1/arp_ignore", "0"}},
          .tables = {"hapair_51"},
          .stopped = {4711}};
}

TEST(Testament, ComesBackFromMemoryAsItWasWritten) {
  EXPECT_EQ(read_testament(write_testament(testament())), testament());
  EXPECT_EQ(read_testament(write_testament({})), Testament{});
  EXPECT_TRUE(Testament{}.is_empty());
  EXPECT_FALSE(testament().is_empty());
}

TEST(Testament, IsNothingWhenItIsCutOrLonger) {
  Bytes bytes = write_testament(testament());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(read_testament(ByteView(bytes).first(size))) << size;
  bytes.push_back(0);
  EXPECT_FALSE(read_testament(bytes));
}

TEST(Testament, OfSeveralInstancesIsOne) {
  Testament all;
  append(all, testament());
  append(all, testament());
  EXPECT_EQ(all.addresses.size(), 4U);
  EXPECT_EQ(all.packets.size(), 2U);
  EXPECT_EQ(all.settings.size(), 2U);
}

}  // namespace
}  // namespace hapair::vrrp
