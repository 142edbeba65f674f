#include "vrrp/core/peer_guard.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using Link = PeerGuard::Link;

constexpr TimePoint t0{1000s};
const PeerGuard::Report kMaster{.state = State::Master, .priority = 150, .fit = true};
const PeerGuard::Report kBackup{.state = State::Backup, .priority = 100, .fit = true};

TEST(PeerGuard, AMastersWordIsAsGoodAsItsAdvert) {
  PeerGuard guard;
  EXPECT_EQ(guard.on_report(kMaster, State::Backup, t0), 150);
  EXPECT_EQ(guard.on_report(kMaster, State::Master, t0), 150) << "two masters: the election decides";
}

TEST(PeerGuard, WhoIsNoMasterAnyMoreHasResigned) {
  PeerGuard guard;
  for (const State state : {State::Backup, State::Fault, State::Initialize}) {
    EXPECT_EQ(guard.on_report({.state = state, .priority = 150}, State::Backup, t0), 0);
    EXPECT_EQ(guard.on_report({.state = state, .priority = 150}, State::Master, t0), std::nullopt)
        << "no news to a master";
  }
  EXPECT_EQ(guard.on_report({.state = State::Claiming, .priority = 150}, State::Backup, t0),
            std::nullopt);
}

TEST(PeerGuard, KnowsThePriorityOfAPeerThatCouldServeWhileItIsHeard) {
  PeerGuard guard;
  EXPECT_EQ(guard.priority(), std::nullopt);
  guard.on_report(kBackup, State::Master, t0);
  EXPECT_EQ(guard.priority(), 100);
  guard.on_report({.state = State::Fault, .priority = 100, .fit = false}, State::Master, t0);
  EXPECT_EQ(guard.priority(), std::nullopt);
  guard.on_report(kBackup, State::Master, t0);
  guard.on_silence();
  EXPECT_EQ(guard.priority(), std::nullopt);
}

TEST(PeerGuard, AWordThatWasUnderWayDuringAResignationIsNotBelieved) {
  PeerGuard guard;
  guard.on_advert(0, t0);
  EXPECT_EQ(guard.on_report(kMaster, State::Master, t0 + 1ms), std::nullopt);
  EXPECT_EQ(guard.on_report(kBackup, State::Master, t0 + 2ms), std::nullopt);
  EXPECT_EQ(guard.on_report(kMaster, State::Master, t0 + 3ms), 150) << "it is master again";
  guard.on_advert(0, t0 + 4ms);
  EXPECT_EQ(guard.on_report(kMaster, State::Master, t0 + 2s), 150) << "that took too long to be late";
}

TEST(PeerGuard, TellsOnceThatTheLinkLosesAdvertsAndOnceThatItCarriesThemAgain) {
  PeerGuard guard;
  guard.on_report(kMaster, State::Backup, t0);
  EXPECT_EQ(guard.judge_link(1s, t0 + 900ms), Link::Unchanged) << "it became master a moment ago";
  guard.on_report(kMaster, State::Backup, t0 + 1s);
  EXPECT_EQ(guard.judge_link(1s, t0 + 1100ms), Link::Deaf);
  EXPECT_EQ(guard.judge_link(1s, t0 + 5s), Link::Unchanged);
  guard.on_advert(150, t0 + 6s);
  EXPECT_EQ(guard.judge_link(1s, t0 + 6s), Link::Heard);
  EXPECT_EQ(guard.judge_link(1s, t0 + 6500ms), Link::Unchanged);
}

TEST(PeerGuard, DoesNotCallALinkWellBecauseThereIsNoMasterAnyMore) {
  PeerGuard guard;
  guard.on_report(kMaster, State::Backup, t0);
  ASSERT_EQ(guard.judge_link(1s, t0 + 2s), Link::Deaf);
  guard.on_report(kBackup, State::Backup, t0 + 3s);
  EXPECT_EQ(guard.judge_link(1s, t0 + 3s), Link::Unchanged);
}

}  // namespace
}  // namespace hapair::vrrp
