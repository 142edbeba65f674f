#include "vrrp/runtime/drain.h"

#include <gtest/gtest.h>

#include <optional>

namespace hapair::vrrp {
namespace {

TEST(Drain, HearsEverythingWhenThereIsLittle) {
  int left = 3, heard = 0;
  const auto next = [&] { return left-- > 0 ? std::optional(left) : std::nullopt; };
  EXPECT_FALSE(drain(next, [&](int) { ++heard; })) << "an edge-triggered socket was read dry";
  EXPECT_EQ(heard, 3);
}

TEST(Drain, LetsTheOthersHaveTheirTurnInAFlood) {
  int heard = 0;
  EXPECT_TRUE(drain([] { return std::optional(1); }, [&](int) { ++heard; }));
  EXPECT_EQ(heard, kPacketsATurn);
}

}  // namespace
}  // namespace hapair::vrrp
