#include "vrrp/core/accept_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

AddressOrder order(int index, std::string_view address) {
  return {.index = index, .address = *Cidr::parse(address), .label = {}};
}

TEST(AcceptRules, MakeATableThatEndsWithItsOwner) {
  const AcceptRules rules{.table = "hapair_accept_7",
                          .closed = {order(2, "192.168.50.10/24"), order(3, "10.0.0.1")}};
  EXPECT_EQ(rules.install(),
            "table inet hapair_accept_7 { flags owner; }\n"
            "delete table inet hapair_accept_7\n"
            "table inet hapair_accept_7 {\n"
            "flags owner;\n"
            "chain closed {\n"
            "type filter hook input priority 0; policy accept;\n"
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
            "ip daddr { 192.168.50.10, 10.0.0.1 } drop\n"
            "}\n}\n");
}

TEST(AcceptRules, CloseALinkLocalAddressOnItsLinkAlone) {
  const AcceptRules rules{.table = "t", .closed = {order(2, "fe80::10/64"), order(3, "2001:db8::10")}};
  EXPECT_THAT(rules.install(), HasSubstr("iif . ip6 daddr { 2 . fe80::10 } drop\n"));
  EXPECT_THAT(rules.install(), HasSubstr("\nip6 daddr { 2001:db8::10 } drop\n"));
  EXPECT_THAT(rules.install(), Not(HasSubstr("ip daddr")));
}

}  // namespace
}  // namespace hapair::vrrp
