#include "proxy/balance/random_draws.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "farm.h"
#include "picks.h"
#include "proxy/balance/admission.h"

namespace hapair::balance {
namespace {

std::vector<int> counts(Balancer& balancer, std::size_t servers, int picks, PickInput input = {}) {
  std::vector<int> counts(servers);
  for (int i = 0; i < picks; ++i) ++counts[static_cast<std::size_t>(balancer.pick(input))];
  return counts;
}

TEST(RandomDraws, GivesEveryIdleServerItsShare) {
  Farm farm = make_farm({{}, {}, {}, {}});
  RandomDraws balancer(farm, 1, 2);
  for (const int count : counts(balancer, 4, 40000)) EXPECT_NEAR(count, 10000, 400);
}

TEST(RandomDraws, DrawsThreeToOne) {
  Farm farm = make_farm({{.weight = 3}, {.weight = 1}});
  RandomDraws balancer(farm, 1, 2);
  EXPECT_NEAR(counts(balancer, 2, 40000)[0], 30000, 400);
}

TEST(RandomDraws, TakesTheLessLoadedOfTwo) {
  Farm farm = make_farm({{}, {}});
  RandomDraws balancer(farm, 1, 2);
  ASSERT_TRUE(farm[0]->take_slot());
  EXPECT_EQ(picks(balancer, 20), std::string(20, 'b'));
}

TEST(RandomDraws, ComparesLoadByWeight) {
  Farm farm = make_farm({{.weight = 4}, {.weight = 1}});
  RandomDraws balancer(farm, 1, 2);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(farm[0]->take_slot());
  ASSERT_TRUE(farm[1]->take_slot());
  EXPECT_EQ(picks(balancer, 20), std::string(20, 'a'));
}

// Mitzenmacher: with two draws the fullest of n servers is a few above the mean, with one it is
// many; three are better still.
TEST(RandomDraws, KeepsAThousandServersLevelWithTwoDrawsAndMoreSoWithThree) {
  const auto fullest = [](unsigned draws) {
    Farm farm = make_farm(std::vector<Sketch>(1000));
    RandomDraws balancer(farm, 1, draws);
    Admission admission(farm, balancer);
    for (int i = 0; i < 10000; ++i) (void)admission.ask({});
    std::uint32_t most = 0;
    for (const auto& server : farm) most = std::max(most, server->sessions());
    return most;
  };
  EXPECT_GE(fullest(1), 18u);
  EXPECT_LE(fullest(2), 14u);
  EXPECT_LE(fullest(3), 12u);
}

TEST(RandomDraws, FindsTheOnlyOneWithRoom) {
  Farm farm = make_farm(std::vector<Sketch>(50, Sketch{.maxconn = 1}));
  RandomDraws balancer(farm, 1, 2);
  for (std::size_t i = 0; i < farm.size(); ++i) ASSERT_EQ(i != 31 && farm[i]->take_slot(), i != 31);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(balancer.pick({}), 31);
  ASSERT_TRUE(farm[31]->take_slot());
  EXPECT_EQ(balancer.pick({}), kNoServer);
}

TEST(RandomDraws, AvoidsTheServerThatFailedUnlessItIsTheOnlyOne) {
  Farm farm = make_farm({{}, {}, {}});
  RandomDraws balancer(farm, 1, 2);
  const auto without = counts(balancer, 3, 3000, {.avoid = {1}});
  EXPECT_EQ(without[1], 0);
  EXPECT_GT(std::min(without[0], without[2]), 1000);
  farm[0]->set_health(Health::Down);
  farm[2]->set_health(Health::Down);
  balancer.rebuild();
  EXPECT_EQ(picks(balancer, 3, {.avoid = {1}}), "bbb");
}

TEST(RandomDraws, GivesEachWorkerAnotherSequence) {
  Farm farm = make_farm(std::vector<Sketch>(26));
  RandomDraws balancer(farm, 2, 2);
  EXPECT_NE(picks(balancer, 30, {.worker = 0}), picks(balancer, 30, {.worker = 1}));
}

}  // namespace
}  // namespace hapair::balance
