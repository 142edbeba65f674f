#include "proxy/balance/round_robin.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>

#include "farm.h"
#include "picks.h"

namespace hapair::balance {
namespace {

TEST(RoundRobin, AlternatesFromTheFirstServer) {
  Farm farm = make_farm({{}, {}});
  RoundRobin balancer(farm, 1);
  EXPECT_EQ(picks(balancer, 6), "ababab");
}

TEST(RoundRobin, AlternatesExactlyOverTwentyRequestsOnAnyWorkers) {
  Farm farm = make_farm({{}, {}});
  RoundRobin balancer(farm, 4);
  std::string letters;
  for (unsigned i = 0; i < 20; ++i) letters += picks(balancer, 1, {.worker = (i * 7 + i / 3) % 4});
  EXPECT_EQ(letters, "abababababababababab");
}

TEST(RoundRobin, GivesAHundredRequestsThreeToOne) {
  Farm farm = make_farm({{.weight = 3}, {.weight = 1}});
  RoundRobin balancer(farm, 1);
  const std::string letters = picks(balancer, 100);
  EXPECT_EQ(std::count(letters.begin(), letters.end(), 'a'), 75);
  EXPECT_EQ(letters.substr(0, 8), "aabaaaba");
}

TEST(RoundRobin, KnowsNoServerUntilTheFirstGoodCheck) {
  Farm farm = make_farm({{.checked = true}, {.checked = true}});
  RoundRobin balancer(farm, 1);
  EXPECT_EQ(picks(balancer, 2), "--");
  farm[1]->set_health(Health::Up);
  balancer.rebuild();
  EXPECT_EQ(picks(balancer, 2), "bb");
  farm[0]->set_health(Health::Up);
  balancer.rebuild();
  EXPECT_EQ(picks(balancer, 4), "abab");
}

TEST(RoundRobin, LeavesADownServerAtOnceEvenBeforeTheRebuild) {
  Farm farm = make_farm({{}, {}});
  RoundRobin balancer(farm, 1);
  farm[0]->set_health(Health::Down);
  EXPECT_EQ(picks(balancer, 3), "bbb");
}

TEST(RoundRobin, PassesOverAFullServer) {
  Farm farm = make_farm({{.maxconn = 1}, {.maxconn = 1}});
  RoundRobin balancer(farm, 1);
  ASSERT_TRUE(farm[0]->take_slot());
  EXPECT_EQ(picks(balancer, 3), "bbb");
  ASSERT_TRUE(farm[1]->take_slot());
  EXPECT_EQ(picks(balancer, 2), "--");
}

TEST(RoundRobin, AvoidsTheServerThatFailedUnlessItIsTheOnlyOne) {
  Farm farm = make_farm({{}, {}});
  RoundRobin balancer(farm, 1);
  EXPECT_EQ(picks(balancer, 4, {.avoid = {0}}), "bbbb");
  farm[1]->set_health(Health::Down);
  balancer.rebuild();
  EXPECT_EQ(picks(balancer, 2, {.avoid = {0}}), "aa");
}

TEST(RoundRobin, FollowsAChangeOfWeight) {
  Farm farm = make_farm({{}, {}});
  RoundRobin balancer(farm, 1);
  farm[1]->set_weight(0);
  balancer.rebuild();
  EXPECT_EQ(picks(balancer, 3), "aaa");
}

TEST(RoundRobin, SharesExactlyAmongRacingWorkersWhileItIsRebuilt) {
  Farm farm = make_farm({{}, {}, {}, {}});
  RoundRobin balancer(farm, 4);
  std::array<std::array<int, 4>, 4> counts{};
  {
    std::vector<std::jthread> workers;
    for (unsigned worker = 0; worker < 4; ++worker)
      workers.emplace_back([&, worker] {
        for (int i = 0; i < 10000; ++i)
          ++counts[worker][static_cast<std::size_t>(balancer.pick({.worker = worker}))];
      });
    for (int i = 0; i < 100; ++i) balancer.rebuild();
  }
  for (std::size_t server = 0; server < 4; ++server)
    EXPECT_EQ(counts[0][server] + counts[1][server] + counts[2][server] + counts[3][server], 10000);
}

}  // namespace
}  // namespace hapair::balance
