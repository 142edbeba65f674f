// Synchronization groups: instances that are masters together, or none of them.
#include <gtest/gtest.h>

#include "tests/sim/virtual_network.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr Duration kMasterDown = 361ms;  // of priority 100
constexpr Duration kRoundTrip = 2ms;

struct Pair {
  explicit Pair(std::uint64_t seed, Preempt preempt = Preempt::Always)
      : net(seed), a(net.router(settings(101, preempt))), b(net.router(settings(100, preempt))) {
    a.start();
    b.start();
    net.run_for(500ms + std::chrono::milliseconds(net.random(100)));
  }
  static SimulatedRouter::Settings settings(int priority, Preempt preempt) {
    return {
        .priority = priority, .preempt = preempt, .version = 3, .interval = 100ms, .instances = 2};
  }
  /// Every instance.
  bool has_both(SimulatedRouter& host) { return net.master(0) == &host && net.master(1) == &host; }

  VirtualNetwork net;
  SimulatedRouter& a;
  SimulatedRouter& b;
};

TEST(Group, MovesTogetherWhenOneMembersLinkFailsAndComesBack) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Pair pair(seed);
    ASSERT_TRUE(pair.has_both(pair.a)) << "seed " << seed;
    pair.a.set_link(false, static_cast<int>(seed % 2));
    pair.net.run_for(kMasterDown + kRoundTrip);
    EXPECT_TRUE(pair.has_both(pair.b)) << "seed " << seed;
    EXPECT_EQ(pair.a.router(0).state(), State::Fault);
    EXPECT_EQ(pair.a.router(1).state(), State::Fault);
    pair.a.set_link(true, static_cast<int>(seed % 2));
    pair.net.run_for(2 * kMasterDown);
    EXPECT_TRUE(pair.has_both(pair.a)) << "seed " << seed;
    EXPECT_LE(pair.net.longest_overlap(), kRoundTrip) << "seed " << seed;
  }
}

TEST(Group, ServesAgainAfterAllItsLinksFailedAtOnce) {
  for (const int first_back : {0, 1}) {
    Pair pair(1);
    pair.a.set_link(false, 0);
    pair.a.set_link(false, 1);
    pair.net.run_for(1s);
    EXPECT_TRUE(pair.has_both(pair.b));
    pair.a.set_link(true, first_back);
    pair.net.run_for(1s);
    EXPECT_TRUE(pair.has_both(pair.b)) << "one of two is not enough";
    pair.a.set_link(true, 1 - first_back);
    pair.net.run_for(1s);
    EXPECT_TRUE(pair.has_both(pair.a));
  }
}

TEST(Group, IsTakenOverWholeWhenItsHostDies) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Pair pair(seed);
    pair.net.forget();
    pair.a.power_off();
    pair.net.run_for(kMasterDown + kRoundTrip);
    EXPECT_TRUE(pair.has_both(pair.b)) << "seed " << seed;
    pair.a.boot();
    pair.a.start();
    pair.net.run_for(1s);
    EXPECT_TRUE(pair.has_both(pair.a)) << "seed " << seed;
    pair.net.forget();
    pair.a.shutdown();
    pair.net.run_for(62ms + kRoundTrip);
    EXPECT_TRUE(pair.has_both(pair.b)) << "in the skew; seed " << seed;
  }
}

TEST(Group, FollowsAStalledMemberOfItsOwn) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Pair pair(seed);
    pair.a.stop_process();
    pair.net.run_for(2s);
    ASSERT_TRUE(pair.has_both(pair.b)) << "the lease is over; seed " << seed;
    pair.a.resume();
    pair.net.run_for(1s);
    EXPECT_TRUE(pair.has_both(pair.a)) << "seed " << seed;
  }
}

TEST(Group, LeavesALowerMasterAloneAsAWhole) {
  Pair pair(7, Preempt::Never);
  pair.a.power_off();
  pair.net.run_for(1s);
  ASSERT_TRUE(pair.has_both(pair.b));
  pair.a.boot();
  pair.a.start();
  pair.net.run_for(5s);
  EXPECT_TRUE(pair.has_both(pair.b));
}

}  // namespace
}  // namespace hapair::vrrp
