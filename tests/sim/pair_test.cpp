// Two nodes that know each other, in good and bad weather: planned handovers, proxies that die and
// hang, daemons and hosts that die at every step of it.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sim/simulated_pair.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeeds = 400, kFew = 100;
// A resignation and a takeover pass each other on the way.
constexpr Duration kMoment = 10ms;

/// Those of the environment, or all.
template <typename Test>
void for_each_seed(std::uint64_t seeds, Test test) {
  if (const char* seed = std::getenv("SIM_SEED")) return test(std::strtoull(seed, nullptr, 10));
  for (std::uint64_t seed = 0; seed < seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "replay with SIM_SEED=" << seed);
    test(seed);
  }
}

void expect_quiet(SimulatedPair& pair, int master) {
  EXPECT_EQ(pair.master(), master);
  for (int node : {0, 1}) EXPECT_FALSE(pair.has_leftovers(node)) << "hap" << node + 1;
}

TEST(PairSimulation, TheBetterNodeIsMasterAndAHandoverMovesTheAddressForGood) {
  SimulatedPair pair(1, {});
  pair.run_for(5s);
  expect_quiet(pair, 0);
  pair.forget();
  pair.switch_over();
  pair.run_for(60s);
  expect_quiet(pair, 1);
  EXPECT_EQ(pair.counts().two_masters, 0s);
  EXPECT_LE(pair.counts().no_master, kMoment);
  EXPECT_EQ(pair.counts().broken, 0);
  EXPECT_GT(pair.counts().kept, 0);
}

TEST(PairSimulation, AKilledProxyMovesTheAddressAtOnceAndAMendedOneBringsItBackWithoutABreak) {
  for_each_seed(kFew, [](std::uint64_t seed) {
    SimulatedPair pair(seed, {.duplication = 0.1});
    pair.run_for(5s);
    ASSERT_EQ(pair.master(), 0);
    pair.forget();
    pair.kill_proxy(0);
    pair.run_for(1s);
    EXPECT_EQ(pair.master(), 1);
    EXPECT_LE(pair.counts().no_master, kMoment);
    pair.forget();
    pair.mend_proxy(0);
    pair.run_for(30s);
    expect_quiet(pair, 0);
    EXPECT_EQ(pair.counts().two_masters, 0s);
    EXPECT_EQ(pair.counts().broken, 0);
  });
}

TEST(PairSimulation, AHungProxyIsKnownAfterThreeBeats) {
  for_each_seed(kFew, [](std::uint64_t seed) {
    SimulatedPair pair(seed, {.duplication = 0.1});
    pair.run_for(5s + std::chrono::milliseconds(seed % 100));
    ASSERT_EQ(pair.master(), 0);
    pair.hang_proxy(0);
    pair.run_for(450ms + kMoment);
    EXPECT_EQ(pair.master(), 1);
  });
}

/// Adverts lost make no second master while the channel is heard, and the other way round.
TEST(PairSimulation, OneWayToHearTheOtherIsEnough) {
  for_each_seed(kFew, [](std::uint64_t seed) {
    SimulatedPair pair(seed, {.duplication = 0.1});
    pair.run_for(5s);
    ASSERT_EQ(pair.master(), 0);
    pair.forget();
    (seed % 2 == 0 ? pair.conditions().adverts_pass : pair.conditions().channel_passes) = false;
    pair.run_for(12s);
    pair.conditions().adverts_pass = pair.conditions().channel_passes = true;
    pair.run_for(2s);
    EXPECT_EQ(pair.master(), 0);
    EXPECT_EQ(pair.counts().two_masters, 0s);
    EXPECT_EQ(pair.counts().no_master, 0s);
  });
}

TEST(PairSimulation, APartitionThatHealsLeavesOneMaster) {
  for_each_seed(kFew, [](std::uint64_t seed) {
    SimulatedPair pair(seed, {.duplication = 0.1});
    pair.run_for(5s);
    pair.conditions().adverts_pass = pair.conditions().channel_passes = false;
    pair.run_for(5s);
    EXPECT_EQ(pair.master(), -1);  // each has to
    pair.conditions().adverts_pass = pair.conditions().channel_passes = true;
    pair.run_for(100ms + kMoment);
    EXPECT_NE(pair.master(), -1);
    pair.run_for(20s);
    expect_quiet(pair, pair.master());
    EXPECT_NE(pair.master(), -1);
  });
}

/// At every moment of a handover, 2 ms apart, either node dies in either way.
TEST(PairSimulation, EitherNodeDiesAtEveryStepOfAHandover) {
  for_each_seed(kSeeds, [](std::uint64_t seed) {
    SimulatedPair pair(seed, {.duplication = 0.1, .longest_delay = 5ms});
    pair.run_for(5s);
    ASSERT_EQ(pair.master(), 0);
    pair.switch_over();
    // Its beginning in small steps, its long end in larger ones.
    const auto step = static_cast<std::int64_t>(seed / 4);
    pair.run_for(step < 60 ? Duration(std::chrono::milliseconds(step)) : (step - 60) * 150ms);
    const int victim = static_cast<int>(seed % 2);
    if (seed % 4 < 2)
      pair.kill(victim);
    else
      pair.power_off(victim);
    pair.run_for(2s);
    EXPECT_EQ(pair.master(), 1 - victim);
    pair.boot(victim);
    pair.run_for(30s);
    EXPECT_NE(pair.master(), -1);
    expect_quiet(pair, pair.master());
  });
}

/// The address comes back at once, not when a timer runs out.
TEST(PairSimulation, ATakerWhoseProxyFailsAtAnyStepOfAHandoverCostsAMoment) {
  for_each_seed(kFew, [](std::uint64_t seed) {
    SimulatedPair pair(seed, {.duplication = 0.1});
    pair.run_for(5s);
    ASSERT_EQ(pair.master(), 0);
    pair.forget();
    pair.switch_over();
    pair.run_for(std::chrono::microseconds(seed * 400));
    pair.kill_proxy(1);
    pair.run_for(1500ms);
    EXPECT_EQ(pair.master(), 0);
    EXPECT_LE(pair.counts().no_master, kMoment);
    pair.mend_proxy(1);
    pair.run_for(30s);
    expect_quiet(pair, 0);
  });
}

/// Its service manager is quicker than the other node's patience.
TEST(PairSimulation, AGiverThatIsRestartedAtOnceLeavesNothingAtTheOther) {
  for_each_seed(kFew, [](std::uint64_t seed) {
    SimulatedPair pair(seed, {.duplication = 0.1});
    pair.run_for(5s);
    pair.switch_over();
    pair.run_for(std::chrono::milliseconds(30 + seed * 10));
    pair.kill(0);
    pair.run_for(200ms);
    pair.boot(0);
    pair.run_for(2s);
    EXPECT_FALSE(pair.has_leftovers(1) && pair.master() == 1);
  });
}

/// Anything, in any order, for a minute; then everything is mended, and one master is left and
/// nothing else.
TEST(PairSimulation, WhateverHappensItEndsWithOneMasterAndNothingLeft) {
  for_each_seed(kFew, [](std::uint64_t seed) {
    SimulatedPair pair(seed, {.loss = static_cast<double>(seed % 4) * 0.05,
                              .duplication = 0.1,
                              .longest_delay = seed % 3 == 0 ? Duration(40ms) : Duration(2ms)});
    for (int i = 0; i < 60; ++i) {
      pair.run_for(std::chrono::milliseconds(pair.random(2000)));
      const int node = static_cast<int>(pair.random(2));
      switch (pair.random(9)) {
        case 0: pair.kill(node); break;
        case 1: pair.power_off(node); break;
        case 2: pair.boot(node); break;
        case 3: pair.kill_proxy(node); break;
        case 4: pair.hang_proxy(node); break;
        case 5: pair.mend_proxy(node); break;
        case 6: pair.conditions().adverts_pass = pair.random(2) == 0; break;
        case 7: pair.conditions().channel_passes = pair.random(2) == 0; break;
        case 8: pair.switch_over(); break;
      }
    }
    pair.conditions() = {};
    for (int node : {0, 1}) {
      pair.mend_proxy(node);
      pair.boot(node);
    }
    pair.run_for(30s);
    pair.forget();
    pair.run_for(30s);
    EXPECT_NE(pair.master(), -1);
    expect_quiet(pair, pair.master());
    EXPECT_EQ(pair.counts().no_master, 0s);
    EXPECT_EQ(pair.counts().two_masters, 0s);
  });
}

}  // namespace
}  // namespace hapair::vrrp
