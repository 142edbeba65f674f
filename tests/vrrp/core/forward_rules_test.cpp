#include "vrrp/core/forward_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const LinkPlace kOther{.mac = {2, 0, 0, 0, 0, 0x11},
                       .v4 = *IpAddress::parse("192.168.50.11"),
                       .v6 = *IpAddress::parse("fe80::11")};

ForwardRules rules() {
  return {.table = "hapair_51",
          .interfaces = {"eth1", "vrrp.51"},
          .exit = "eth1",
          .other = kOther,
          .addresses = {*IpAddress::parse("192.168.50.10"), *IpAddress::parse("2001:db8::10")},
          .own = {{*SocketAddress::parse("10.0.0.1:4711"), *SocketAddress::parse("192.168.50.10:80")},
                  {*SocketAddress::parse("[2001:db8::1]:4712"), *SocketAddress::parse("[2001:db8::10]:80")}}};
}

TEST(ForwardRules, HaveATableForEachFamilyInPlaceOfOneThatIsThere) {
  const std::string text = rules().install();
  EXPECT_TRUE(text.starts_with("table ip hapair_51\ndelete table ip hapair_51\ntable ip6 hapair_51\n"
                               "delete table ip6 hapair_51\ntable ip hapair_51 {\n"))
      << text;
  EXPECT_THAT(text, HasSubstr("set addresses { type ipv4_addr; elements = { 192.168.50.10 } }"));
  EXPECT_THAT(text, HasSubstr("elements = { 10.0.0.1 . 4711 . 192.168.50.10 . 80 }"));
  EXPECT_THAT(text, HasSubstr("elements = { 2001:db8::1 . 4712 . 2001:db8::10 . 80 }"));
  EXPECT_THAT(text, HasSubstr("iifname != { \"eth1\", \"vrrp.51\" } accept"));
  EXPECT_THAT(text, HasSubstr("ether saddr 02:00:00:00:00:11 accept"));
  EXPECT_THAT(text, HasSubstr("dup to 192.168.50.11 device \"eth1\" drop"));
  EXPECT_THAT(text, HasSubstr("dup to fe80::11 device \"eth1\" drop"));
}

TEST(ForwardRules, LeaveOutAFamilyThatHasNoAddresses) {
  ForwardRules v4 = rules();
  v4.addresses.pop_back();
  EXPECT_THAT(v4.install(), Not(HasSubstr("fe80::11")));
  v4.own.clear();
  EXPECT_THAT(v4.install(), Not(HasSubstr("elements = { }")));
}

TEST(LinkPlace, ComesBackAsItWasWritten) {
  EXPECT_EQ(LinkPlace::parse(kOther.to_string()), kOther);
  EXPECT_EQ(kOther.to_string(), "02:00:00:00:00:11 192.168.50.11 fe80::11");
  for (const char* text : {"", "02:00:00:00:00", "02:00:00:00:00:1g", "02:00:00:00:00:11 here",
                           "2:0:0:0:0:1", "02:00:00:00:00:111"})
    EXPECT_FALSE(LinkPlace::parse(text)) << text;
}

}  // namespace
}  // namespace hapair::vrrp
