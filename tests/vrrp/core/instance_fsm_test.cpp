#include "vrrp/core/instance_fsm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using Event = Noticed::Event;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TimePoint t0{1000s};
const IpAddress kLow = IpAddress::v4(0xC0A8320A);
const IpAddress kUs = IpAddress::v4(0xC0A8320B);
const IpAddress kPeer = IpAddress::v4(0xC0A8320C);
const IpAddress kThird = IpAddress::v4(0xC0A8320D);

InstanceFsm backup(std::uint8_t priority, bool preempt = true) {
  InstanceFsm fsm({.source = kUs, .priority = priority, .preempt = preempt});
  fsm.on_start(t0);
  return fsm;
}

InstanceFsm claimant(std::uint8_t priority) {
  InstanceFsm fsm({.source = kUs, .priority = priority, .claims_at_start = true});
  fsm.on_start(t0);
  return fsm;
}

/// Master since t0 + 10 s, with the next advert due at t0 + 11 s.
InstanceFsm master(std::uint8_t priority) {
  InstanceFsm fsm = backup(priority);
  fsm.on_deadline(t0 + 10s);
  return fsm;
}

Effects taking_over(std::uint8_t priority) {
  return {Entering{State::Master}, SendAdvert{priority}, AddAddresses{},
          Announce{Announce::Cause::Takeover}, Became{State::Master}};
}

Effects operator+(Effects a, const Effects& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// ---- the start

TEST(InstanceFsm, StartsAsBackupAndRemovesWhatACrashLeft) {
  InstanceFsm fsm({.source = kUs, .priority = 100});
  EXPECT_THAT(fsm.on_start(t0),
              ElementsAre(RemoveAddresses{}, Entering{State::Backup}, Became{State::Backup}));
  // RFC 3768 section 6.1: 3 * 1 s + (256 - 100) / 256 s.
  EXPECT_EQ(fsm.deadline(), t0 + 3s + 609375us);
}

TEST(InstanceFsm, ClaimsAtTheStartWhenConfiguredAsMaster) {
  InstanceFsm fsm({.source = kUs, .priority = 103, .claims_at_start = true});
  EXPECT_THAT(fsm.on_start(t0), ElementsAre(RemoveAddresses{}, Noticed{Event::Transition},
                                            SendAdvert{103}, Became{State::Claiming}));
  EXPECT_EQ(fsm.deadline(), t0 + 1s);
  EXPECT_EQ(fsm.on_deadline(t0 + 1s), taking_over(103));
}

TEST(InstanceFsm, DoesNotClaimWhenItMayNotPreempt) {
  InstanceFsm fsm({.source = kUs, .claims_at_start = true, .preempt = false});
  fsm.on_start(t0);
  EXPECT_EQ(fsm.state(), State::Backup);
}

TEST(InstanceFsm, IsMasterAtOnceWhenItOwnsTheAddresses) {
  InstanceFsm fsm({.source = kUs, .priority = 255});
  EXPECT_EQ(fsm.on_start(t0),
            (Effects{RemoveAddresses{}, Noticed{Event::Transition}} + taking_over(255)));
}

TEST(InstanceFsm, WaitsInFaultForALinkThatIsDownAtTheStart) {
  InstanceFsm fsm({.source = kUs, .claims_at_start = true});
  EXPECT_THAT(fsm.on_usable(false, t0), IsEmpty());
  EXPECT_THAT(fsm.on_start(t0),
              ElementsAre(RemoveAddresses{}, Entering{State::Fault}, Became{State::Fault}));
  EXPECT_EQ(fsm.deadline(), kNever);
  EXPECT_THAT(fsm.on_usable(true, t0 + 9s),
              ElementsAre(Entering{State::Backup}, Became{State::Backup}));
  EXPECT_EQ(fsm.deadline(), t0 + 9s + fsm.master_down_interval());
}

TEST(InstanceFsm, HearsNothingBeforeItsStart) {
  InstanceFsm fsm({.source = kUs, .priority = 100});
  EXPECT_THAT(fsm.on_advert(kPeer, 200, t0), IsEmpty());
  EXPECT_EQ(fsm.state(), State::Initialize);
}

// ---- backup

TEST(InstanceFsm, TakesOverWhenTheMasterFallsSilent) {
  InstanceFsm fsm = backup(102);
  fsm.on_advert(kPeer, 103, t0 + 1s);
  const TimePoint down = t0 + 1s + 3s + 601562500ns;
  EXPECT_EQ(fsm.deadline(), down);
  EXPECT_THAT(fsm.on_deadline(down - 1ns), IsEmpty());
  EXPECT_EQ(fsm.on_deadline(down), (Effects{Noticed{Event::Transition}} + taking_over(102)));
  EXPECT_EQ(fsm.deadline(), down + 1s);
}

TEST(InstanceFsm, FollowsAnEqualMasterWithoutPreempting) {
  InstanceFsm fsm = backup(100);
  EXPECT_THAT(fsm.on_advert(kLow, 100, t0 + 2s), IsEmpty());
  EXPECT_EQ(fsm.deadline(), t0 + 2s + fsm.master_down_interval());
}

TEST(InstanceFsm, LetsTheTimerRunWhenALowerRouterSpeaks) {
  // RFC 3768 section 6.4.2: discard. The better master may only be hard to hear.
  InstanceFsm fsm = backup(150);
  const TimePoint before = fsm.deadline();
  EXPECT_THAT(fsm.on_advert(kPeer, 100, t0 + 1s), IsEmpty());
  EXPECT_THAT(fsm.on_advert(kPeer, 100, t0 + 2s), IsEmpty());
  EXPECT_EQ(fsm.deadline(), before);
}

TEST(InstanceFsm, PreemptsAtOnceWhenTheMasterItFollowsFallsBelowIt) {
  InstanceFsm fsm = backup(102);
  fsm.on_advert(kPeer, 103, t0 + 1s);
  EXPECT_EQ(fsm.on_advert(kPeer, 101, t0 + 2s),
            (Effects{Noticed{Event::ForcingElection, kPeer, 101}, Noticed{Event::Transition}} +
             taking_over(102)));
}

TEST(InstanceFsm, IsNotMadeMasterAgainAndAgainByOneThatSaysHighAndLowByTurns) {
  InstanceFsm fsm = backup(102);
  int takeovers = 0;
  for (Duration at = 1s; at < 2s; at += 1ms) {
    fsm.on_advert(kPeer, 200, t0 + at);
    fsm.on_advert(kPeer, 50, t0 + at);
    takeovers += fsm.state() == State::Master;
  }
  EXPECT_EQ(takeovers, 1);
  ASSERT_EQ(fsm.state(), State::Backup);
  fsm.on_deadline(fsm.deadline());
  EXPECT_EQ(fsm.state(), State::Master) << "the timer ran on";
}

TEST(InstanceFsm, PreemptsAtOnceAgainAfterAMasterDownInterval) {
  InstanceFsm fsm = backup(102);
  for (Duration at : {Duration(1s), Duration(1s) + fsm.master_down_interval()}) {
    fsm.on_advert(kPeer, 103, t0 + at);
    ASSERT_EQ(fsm.state(), State::Backup);
    fsm.on_advert(kPeer, 101, t0 + at);
    EXPECT_EQ(fsm.state(), State::Master);
  }
}

TEST(InstanceFsm, PreemptsAtOnceWhenItsOwnPriorityRisesAboveItsMasters) {
  InstanceFsm fsm = backup(101);
  fsm.on_advert(kPeer, 102, t0 + 1s);
  fsm.on_priority(103, t0 + 1500ms);
  EXPECT_EQ(fsm.state(), State::Backup) << "not before the master is heard to be lower";
  fsm.on_advert(kPeer, 102, t0 + 2s);
  EXPECT_EQ(fsm.state(), State::Master);
}

TEST(InstanceFsm, IsNotMovedByALowerStrangerWhileItsMasterLives) {
  InstanceFsm fsm = backup(150);
  fsm.on_advert(kPeer, 200, t0 + 1s);
  const TimePoint before = fsm.deadline();
  EXPECT_THAT(fsm.on_advert(kThird, 100, t0 + 2s), IsEmpty());
  EXPECT_EQ(fsm.state(), State::Backup);
  EXPECT_EQ(fsm.deadline(), before);
}

TEST(InstanceFsm, KeepsALowerMasterWhenItMayNotPreempt) {
  InstanceFsm fsm = backup(150, /*preempt=*/false);
  for (auto at = 1s; at < 60s; at += 1s) {
    EXPECT_THAT(fsm.on_advert(kPeer, 100, t0 + at), IsEmpty());
    EXPECT_EQ(fsm.deadline(), t0 + at + fsm.master_down_interval());
  }
  fsm.on_deadline(fsm.deadline());
  EXPECT_EQ(fsm.state(), State::Master) << "but not a silent one";
}

TEST(InstanceFsm, WaitsOnlyItsSkewWhenTheMasterResigns) {
  InstanceFsm fsm = backup(102);
  fsm.on_advert(kPeer, 103, t0 + 1s);
  EXPECT_THAT(fsm.on_advert(kPeer, 0, t0 + 2s), IsEmpty());
  EXPECT_EQ(fsm.deadline(), t0 + 2s + 601562500ns);
}

TEST(InstanceFsm, DoesNotBelieveAResignationOfSomebodyElse) {
  InstanceFsm fsm = backup(102);
  fsm.on_advert(kPeer, 103, t0 + 1s);
  const TimePoint before = fsm.deadline();
  fsm.on_advert(kThird, 0, t0 + 2s);
  EXPECT_EQ(fsm.deadline(), before);
}

TEST(InstanceFsm, BelievesTheResignationOfALowerMasterItWasAboutToPreempt) {
  InstanceFsm fsm = backup(200);
  fsm.on_advert(kPeer, 100, t0 + 1s);
  fsm.on_advert(kPeer, 0, t0 + 1100ms);
  EXPECT_EQ(fsm.deadline(), t0 + 1100ms + fsm.skew());
}

TEST(InstanceFsm, IsNotHeldBackByARepeatedResignation) {
  InstanceFsm fsm = backup(102);
  fsm.on_advert(kPeer, 103, t0 + 1s);
  fsm.on_advert(kPeer, 0, t0 + 2s);
  fsm.on_advert(kPeer, 0, t0 + 2500ms);
  EXPECT_EQ(fsm.deadline(), t0 + 2s + 601562500ns);
}

TEST(InstanceFsm, MovesItsDeadlineWithItsSkewWhenItsPriorityChanges) {
  InstanceFsm fsm = backup(100);
  fsm.on_priority(228, t0 + 1s);
  EXPECT_EQ(fsm.deadline(), t0 + 3s + Duration(28s) / 256);
}

// ---- claiming

TEST(InstanceFsm, GivesWayToAHigherMasterBeforeItHasTouchedAnAddress) {
  InstanceFsm fsm = claimant(102);
  EXPECT_THAT(fsm.on_advert(kPeer, 103, t0 + 5ms),
              ElementsAre(Noticed{Event::HigherAdvert, kPeer, 103}, Entering{State::Backup},
                          Became{State::Backup}));
  EXPECT_EQ(fsm.deadline(), t0 + 5ms + fsm.master_down_interval());
}

TEST(InstanceFsm, TakesTheAddressWhenTheMasterItOutranksGivesWay) {
  InstanceFsm fsm = claimant(103);
  EXPECT_EQ(fsm.on_advert(kPeer, 0, t0 + 2ms), taking_over(103));
}

TEST(InstanceFsm, AnswersALowerClaimantWithoutLosingItsOwnTerm) {
  InstanceFsm fsm = claimant(103);
  EXPECT_THAT(fsm.on_advert(kPeer, 102, t0 + 300ms),
              ElementsAre(Noticed{Event::LowerAdvert, kPeer, 102}, SendAdvert{103}));
  EXPECT_EQ(fsm.deadline(), t0 + 1s);
}

TEST(InstanceFsm, TakesItsClaimBackWhenItStops) {
  InstanceFsm fsm = claimant(200);
  EXPECT_THAT(fsm.on_shutdown(), ElementsAre(SendAdvert{0}, Became{State::Initialize}));
}

TEST(InstanceFsm, TakesItsClaimBackWhenItCannotServe) {
  InstanceFsm fsm = claimant(200);
  EXPECT_THAT(fsm.on_usable(false, t0 + 100ms),
              ElementsAre(Entering{State::Fault}, SendAdvert{0}, Became{State::Fault}));
}

// ---- master

TEST(InstanceFsm, SendsAnAdvertEveryIntervalWithoutDrift) {
  InstanceFsm fsm = master(100);
  EXPECT_THAT(fsm.on_deadline(t0 + 11s + 30ms), ElementsAre(SendAdvert{100}));
  EXPECT_EQ(fsm.deadline(), t0 + 12s);
  EXPECT_THAT(fsm.on_deadline(t0 + 20s), ElementsAre(SendAdvert{100}));
  EXPECT_EQ(fsm.deadline(), t0 + 21s) << "after a stall it does not catch up with a burst";
}

TEST(InstanceFsm, GivesWayToAHigherMasterAndSaysSo) {
  InstanceFsm fsm = master(101);
  EXPECT_THAT(fsm.on_advert(kPeer, 102, t0 + 10500ms),
              ElementsAre(Noticed{Event::HigherAdvert, kPeer, 102}, Entering{State::Backup},
                          SendAdvert{0}, RemoveAddresses{}, Became{State::Backup}));
  EXPECT_EQ(fsm.deadline(), t0 + 10500ms + fsm.master_down_interval());
}

TEST(InstanceFsm, AnswersALowerMasterAndAnnouncesAgain) {
  InstanceFsm fsm = master(103);
  EXPECT_THAT(fsm.on_advert(kPeer, 102, t0 + 10500ms),
              ElementsAre(Noticed{Event::LowerAdvert, kPeer, 102}, SendAdvert{103},
                          Announce{Announce::Cause::Rival}));
}

TEST(InstanceFsm, BreaksATieByTheHigherAddress) {
  InstanceFsm loses = master(100);
  loses.on_advert(kPeer, 100, t0 + 10500ms);
  EXPECT_EQ(loses.state(), State::Backup);
  InstanceFsm wins = master(100);
  wins.on_advert(kLow, 100, t0 + 10500ms);
  EXPECT_EQ(wins.state(), State::Master);
}

TEST(InstanceFsm, IsNotMovedByItsOwnEcho) {
  InstanceFsm fsm = master(100);
  EXPECT_THAT(fsm.on_advert(kUs, 200, t0 + 10500ms), IsEmpty());
  EXPECT_EQ(fsm.deadline(), t0 + 11s);
}

TEST(InstanceFsm, AnswersAResignationAndAnnouncesAgain) {
  InstanceFsm fsm = master(100);
  EXPECT_THAT(fsm.on_advert(kPeer, 0, t0 + 10500ms),
              ElementsAre(SendAdvert{100}, Announce{Announce::Cause::Rival}));
}

TEST(InstanceFsm, AnswersAFloodOfRivalsTenTimesASecondAndTellsOnce) {
  InstanceFsm fsm = master(100);
  int adverts = 0, lines = 0;
  for (Duration at = 10s; at < 11s; at += 1ms)
    for (const Effect& effect : fsm.on_advert(kPeer, 50, t0 + at)) {
      adverts += std::holds_alternative<SendAdvert>(effect);
      lines += std::holds_alternative<Noticed>(effect);
    }
  EXPECT_EQ(adverts, 10);
  EXPECT_EQ(lines, 1);
}

TEST(InstanceFsm, TellsALowerPriorityAtOnceAndAHigherOneWithItsNextAdvert) {
  InstanceFsm fsm = master(103);
  EXPECT_THAT(fsm.on_priority(101, t0 + 10400ms), ElementsAre(SendAdvert{101}));
  EXPECT_THAT(fsm.on_priority(103, t0 + 10600ms), IsEmpty());
  EXPECT_THAT(fsm.on_deadline(fsm.deadline()), ElementsAre(SendAdvert{103}));
  EXPECT_EQ(fsm.state(), State::Master);
}

TEST(InstanceFsm, ResignsBeforeItRemovesItsAddresses) {
  InstanceFsm fsm = master(100);
  EXPECT_THAT(fsm.on_shutdown(),
              ElementsAre(SendAdvert{0}, RemoveAddresses{}, Became{State::Initialize}));
  EXPECT_EQ(fsm.deadline(), kNever);
  EXPECT_THAT(fsm.on_shutdown(), IsEmpty());
}

TEST(InstanceFsm, LeavesAsABackupWithoutAWordOnTheWire) {
  InstanceFsm fsm = backup(100);
  EXPECT_THAT(fsm.on_shutdown(), ElementsAre(Became{State::Initialize}));
}

// ---- fault

TEST(InstanceFsm, GivesEverythingAwayWhenItsLinkGoesDown) {
  InstanceFsm fsm = master(100);
  EXPECT_THAT(
      fsm.on_usable(false, t0 + 10500ms),
      ElementsAre(Entering{State::Fault}, SendAdvert{0}, RemoveAddresses{}, Became{State::Fault}));
  EXPECT_THAT(fsm.on_advert(kPeer, 50, t0 + 11s), IsEmpty());
  EXPECT_THAT(fsm.on_deadline(t0 + 1h), IsEmpty());
  EXPECT_THAT(fsm.on_usable(false, t0 + 12s), IsEmpty());
}

TEST(InstanceFsm, ListensAFullTermAfterAFaultBeforeItClaims) {
  InstanceFsm fsm = claimant(200);
  fsm.on_usable(false, t0 + 100ms);
  fsm.on_usable(true, t0 + 5s);
  EXPECT_EQ(fsm.state(), State::Backup);
  EXPECT_EQ(fsm.deadline(), t0 + 5s + fsm.master_down_interval());
}

// ---- what is told

TEST(LogLines, AreTheSeedsWords) {
  const auto line = [](const Effect& effect) { return log_line(effect, "VI_1").value_or("-"); };
  EXPECT_EQ(line(Noticed{Event::Transition}), "VRRP_Instance(VI_1) Transition to MASTER STATE");
  EXPECT_EQ(line(Entering{State::Master}), "VRRP_Instance(VI_1) Entering MASTER STATE");
  EXPECT_EQ(line(Entering{State::Backup}), "VRRP_Instance(VI_1) Entering BACKUP STATE");
  EXPECT_EQ(line(Noticed{Event::LowerAdvert}),
            "VRRP_Instance(VI_1) Received lower prio advert, forcing new election");
  EXPECT_EQ(line(Noticed{Event::HigherAdvert}), "VRRP_Instance(VI_1) Received higher prio advert");
  EXPECT_EQ(line(Noticed{Event::ForcingElection}),
            "VRRP_Instance(VI_1) forcing a new MASTER election");
  EXPECT_EQ(line(Entering{State::Fault}), "VRRP_Instance(VI_1) Entering FAULT STATE");
  EXPECT_EQ(line(Became{State::Fault}), "VRRP_Instance(VI_1) Now in FAULT state");
  EXPECT_EQ(line(SendAdvert{100}), "-");
}

// ---- version 3

InstanceFsm backup3(std::uint8_t priority) {
  InstanceFsm fsm(
      {.source = kUs, .priority = priority, .interval = 100ms, .version = Version::V3});
  fsm.on_start(t0);
  return fsm;
}

TEST(InstanceFsm3, TakesItsSkewFromTheMastersInterval) {
  // RFC 9568 section 6.1: 3 * 0.1 s + (256 - 100) * 0.1 s / 256.
  EXPECT_EQ(backup3(100).deadline(), t0 + 300ms + 60937500ns);
}

TEST(InstanceFsm3, AdoptsTheMastersInterval) {
  InstanceFsm fsm = backup3(100);
  fsm.on_advert(kPeer, 150, t0, 200ms);
  EXPECT_EQ(fsm.master_down_interval(), 600ms + 121875us);
  EXPECT_EQ(fsm.deadline(), t0 + fsm.master_down_interval());
  fsm.on_advert(kPeer, 150, t0 + 100ms, 50ms);
  EXPECT_EQ(fsm.deadline(), t0 + 100ms + 150ms + 30468750ns);
}

TEST(InstanceFsm3, IsNotSilencedByOneAdvertWithTheLongestInterval) {
  InstanceFsm fsm = backup3(100);
  fsm.on_advert(kPeer, 200, t0, 40950ms);
  EXPECT_LE(fsm.deadline(), t0 + 4 * 300ms);
  fsm.on_deadline(fsm.deadline());
  EXPECT_EQ(fsm.state(), State::Master);
}

TEST(InstanceFsm3, HasItsOwnIntervalAgainOnceItIsMaster) {
  InstanceFsm fsm = backup3(100);
  fsm.on_advert(kPeer, 150, t0, 300ms);
  fsm.on_deadline(t0 + 2s);
  ASSERT_EQ(fsm.state(), State::Master);
  EXPECT_EQ(fsm.deadline(), t0 + 2s + 100ms);
  fsm.on_advert(kPeer, 150, t0 + 2s, 0ms);
  EXPECT_EQ(fsm.deadline(), t0 + 2s + 300ms + 60937500ns);
}

}  // namespace
}  // namespace hapair::vrrp
