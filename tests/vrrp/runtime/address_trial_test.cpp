#include "vrrp/runtime/address_trial.h"

#include <gtest/gtest.h>

#include "tests/vrrp/fake_netlink.h"

namespace hapair::vrrp {
namespace {

const Cidr kThere{IpAddress::v4(0xC0A8320A), 32};
const Cidr kNew{IpAddress::v4(0xC0A83214), 32};
const RouteOrder kRoute{.to = {IpAddress::v4(0x0A000000), 8}, .index = 7};

class AddressTrialTest : public ::testing::Test {
 protected:
  Result<AddressTrial> put(const std::vector<AddressOrder>& orders) {
    return AddressTrial::put(netlink_, orders, {kRoute});
  }
  FakeNetlink netlink_{{.index = 7, .name = "eth1"}, {kThere}};
};

TEST_F(AddressTrialTest, TakesAwayWhatItPutAndNothingElse) {
  {
    const auto trial = put({{.index = 7, .address = kThere}, {.index = 7, .address = kNew}});
    ASSERT_TRUE(trial);
    EXPECT_TRUE(netlink_.has(kNew));
    EXPECT_EQ(netlink_.routes().size(), 1);
  }
  EXPECT_TRUE(netlink_.has(kThere));
  EXPECT_FALSE(netlink_.has(kNew));
  EXPECT_TRUE(netlink_.routes().empty());
}

TEST_F(AddressTrialTest, LeavesWhatIsToStay) {
  put({{.index = 7, .address = kNew}})->keep();
  EXPECT_TRUE(netlink_.has(kNew));
  EXPECT_EQ(netlink_.routes().size(), 1);
}

TEST_F(AddressTrialTest, ARefusalUndoesWhatCameBeforeIt) {
  EXPECT_FALSE(put({{.index = 7, .address = kNew}, {.index = 8, .address = kNew}}));
  EXPECT_FALSE(netlink_.has(kNew));
}

}  // namespace
}  // namespace hapair::vrrp
