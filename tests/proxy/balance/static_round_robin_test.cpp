#include "proxy/balance/static_round_robin.h"

#include <gtest/gtest.h>

#include "farm.h"
#include "picks.h"

namespace hapair::balance {
namespace {

TEST(StaticRoundRobin, GoesAroundByTheConfiguredWeights) {
  Farm farm = make_farm({{.weight = 3}, {.weight = 1}});
  StaticRoundRobin balancer(farm);
  EXPECT_EQ(picks(balancer, 8), "aabaaaba");
}

TEST(StaticRoundRobin, AlternatesOnAnyWorkers) {
  Farm farm = make_farm({{}, {}});
  StaticRoundRobin balancer(farm);
  std::string letters;
  for (unsigned i = 0; i < 20; ++i) letters += picks(balancer, 1, {.worker = (i * 7 + i / 3) % 4});
  EXPECT_EQ(letters, "abababababababababab");
}

TEST(StaticRoundRobin, KnowsNoWeightOfLaterButNone) {
  Farm farm = make_farm({{}, {}});
  StaticRoundRobin balancer(farm);
  farm[0]->set_weight(100);
  balancer.rebuild();
  EXPECT_EQ(picks(balancer, 4), "abab");
  farm[0]->set_weight(0);
  balancer.rebuild();
  EXPECT_EQ(picks(balancer, 3), "bbb");
}

TEST(StaticRoundRobin, PassesOverWhoIsDownOrFullOrJustFailed) {
  Farm farm = make_farm({{}, {.maxconn = 1}, {}});
  StaticRoundRobin balancer(farm);
  EXPECT_EQ(picks(balancer, 3, {.avoid = {0}}), "bbc");
  ASSERT_TRUE(farm[1]->take_slot());
  farm[0]->set_health(Health::Down);
  EXPECT_EQ(picks(balancer, 3), "ccc");
  EXPECT_EQ(picks(balancer, 1, {.avoid = {2}}), "-");  // the second one will be free again
}

}  // namespace
}  // namespace hapair::balance
