#include "proxy/balance/slow_start.h"

#include <gtest/gtest.h>

#include "farm.h"
#include "picks.h"
#include "proxy/balance/consistent_hash.h"
#include "proxy/balance/least_connections.h"
#include "proxy/balance/mix.h"
#include "proxy/balance/round_robin.h"

namespace hapair::balance {
namespace {

using namespace std::chrono_literals;
constexpr TimePoint t0{1000s};

TEST(SlowStart, GrowsInAStraightLine) {
  const SlowStart start(t0, 10s);
  EXPECT_EQ(start.warmth(t0, 100), 1u);
  EXPECT_EQ(start.warmth(t0 + 2500ms, 100), 25u);
  EXPECT_EQ(start.warmth(t0 + 9999ms, 100), 99u);
  EXPECT_EQ(start.warmth(t0 + 10s, 100), 100u);
  EXPECT_EQ(SlowStart().warmth(t0, 100), 100u);
}

TEST(SlowStart, SaysWhenItHasGrown) {
  const SlowStart start(t0, 10s);
  TimePoint now = t0;
  unsigned steps = 0, warm = 0;
  while (now != kNever) {
    EXPECT_GT(start.warmth(now, 64), warm);
    warm = start.warmth(now, 64);
    now = start.next_step(now, 64);
    ++steps;
  }
  EXPECT_EQ(warm, 64u);
  EXPECT_EQ(steps, 64u);
}

TEST(SlowStart, GivesAServerItsMaxconnLittleByLittle) {
  Farm farm = make_farm({{.maxconn = 100}});
  farm[0]->begin_slowly(t0, 10s);
  EXPECT_EQ(farm[0]->limit(), 1u);
  EXPECT_TRUE(farm[0]->warm(t0 + 5s));
  EXPECT_EQ(farm[0]->limit(), 50u);
  EXPECT_EQ(farm[0]->maxconn(), 100u);
  farm[0]->set_maxconn(10);  // an operator, meanwhile
  EXPECT_EQ(farm[0]->limit(), 5u);
  EXPECT_TRUE(farm[0]->warm(t0 + 10s));
  EXPECT_EQ(farm[0]->limit(), 10u);
  EXPECT_EQ(farm[0]->next_warmth(t0 + 10s), kNever);
}

TEST(SlowStart, LeavesAServerWithoutLimitWithoutOne) {
  Farm farm = make_farm({{}});
  farm[0]->begin_slowly(t0, 10s);
  EXPECT_EQ(farm[0]->limit(), 0u);
}

TEST(SlowStart, GivesAServerItsTurnsLittleByLittle) {
  Farm farm = make_farm({{}, {}});
  RoundRobin balancer(farm, 1);
  const auto turns_of_b = [&](TimePoint now) {
    farm[1]->warm(now);
    balancer.rebuild();
    const std::string letters = picks(balancer, 1300);
    return std::count(letters.begin(), letters.end(), 'b');
  };
  farm[1]->begin_slowly(t0, 64s);
  EXPECT_EQ(turns_of_b(t0), 20);         // 1 of 65
  EXPECT_EQ(turns_of_b(t0 + 16s), 260);  // 1 of 5
  EXPECT_EQ(turns_of_b(t0 + 64s), 650);
}

TEST(SlowStart, CountsForLeastConnectionsAndTheRing) {
  Farm farm = make_farm({{}, {}});
  farm[1]->begin_slowly(t0, 64s);
  farm[1]->warm(t0 + 16s);  // a quarter
  LeastConnections balancer(farm);
  for (int i = 0; i < 50; ++i) {
    const int server = balancer.pick({});
    ASSERT_TRUE(farm[static_cast<std::size_t>(server)]->take_slot());
    balancer.on_load(server);
  }
  EXPECT_EQ(farm[1]->sessions(), 10u);
  ConsistentHash ring(farm, 1, 0);
  int keys = 0;
  for (unsigned key = 0; key < 10000; ++key) keys += ring.pick({.key = mix(key)});
  EXPECT_NEAR(keys, 2000, 300);
}

}  // namespace
}  // namespace hapair::balance
