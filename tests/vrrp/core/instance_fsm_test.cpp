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

using Preempt = InstanceFsm::Preempt;

InstanceFsm backup(std::uint8_t priority, Preempt preempt = Preempt::Always) {
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
  InstanceFsm fsm({.source = kUs, .claims_at_start = true, .preempt = Preempt::Never});
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
  InstanceFsm fsm = backup(150, Preempt::Never);
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

// ---- preemption that waits, or does not happen

InstanceFsm patient(std::uint8_t priority, Preempt preempt, Duration delay = 0s, Duration hold = 0s) {
  InstanceFsm fsm({.source = kUs, .priority = priority, .preempt = preempt, .preempt_delay = delay,
                   .hold_down = hold});
  fsm.on_start(t0);
  return fsm;
}

/// Hears an advert of the peer each second; answers when it became master.
TimePoint master_after(InstanceFsm& fsm, std::uint8_t peer, TimePoint from, Duration most) {
  for (Duration at = 0s; at <= most; at += 1s) {
    fsm.on_advert(kPeer, peer, from + at);
    if (fsm.state() == State::Master) return from + at;
  }
  return kNever;
}

TEST(InstanceFsm, LeavesALowerMasterAloneForThePreemptDelayAndThenTakesOverAtOnce) {
  InstanceFsm fsm = patient(150, Preempt::Delay, 30s);
  EXPECT_EQ(master_after(fsm, 100, t0 + 1s, 60s), t0 + 31s);
  EXPECT_EQ(fsm.cause(), (Cause{Cause::Kind::Lower, kPeer, 100}));
}

TEST(InstanceFsm, BeginsThePreemptDelayAnewWhenABetterMasterWasThereMeanwhile) {
  InstanceFsm fsm = patient(150, Preempt::Delay, 30s);
  master_after(fsm, 100, t0 + 1s, 20s);
  fsm.on_advert(kThird, 200, t0 + 22s);
  EXPECT_EQ(master_after(fsm, 100, t0 + 23s, 60s), t0 + 53s);
}

TEST(InstanceFsm, TakesOverFromAMasterThatFailsWhateverItSaysOfPreemption) {
  // Keepalived keeps a lower master for ever with nopreempt, also one whose proxy has just died.
  for (const Preempt preempt : {Preempt::Never, Preempt::Delay}) {
    InstanceFsm fsm = patient(102, preempt, 1h);
    fsm.on_advert(kPeer, 103, t0 + 1s);
    fsm.on_advert(kPeer, 101, t0 + 2s);
    EXPECT_EQ(fsm.state(), State::Master) << "it fell";
    InstanceFsm follower = patient(102, preempt, 1h);
    follower.on_advert(kPeer, 90, t0 + 1s);
    follower.on_advert(kPeer, 90, t0 + 2s);
    EXPECT_EQ(follower.state(), State::Backup) << "it was lower all the time";
    follower.on_advert(kPeer, 70, t0 + 3s);
    EXPECT_EQ(follower.state(), State::Master) << "and fell further";
  }
}

TEST(InstanceFsm, ComesBackFromAFailureOnlyAfterTheHoldDown) {
  InstanceFsm fsm = patient(150, Preempt::Always, 0s, 20s);
  fsm.on_usable(false, t0 + 1s);
  fsm.on_usable(true, t0 + 2s);
  EXPECT_EQ(fsm.cause().kind, Cause::Kind::Usable);
  EXPECT_EQ(master_after(fsm, 100, t0 + 3s, 60s), t0 + 22s);
}

TEST(InstanceFsm, HoldsDownAPriorityThatRecoveredToo) {
  InstanceFsm fsm = patient(150, Preempt::Always, 0s, 20s);
  fsm.on_priority(90, t0 + 1s);
  fsm.on_advert(kPeer, 100, t0 + 2s);
  fsm.on_priority(150, t0 + 3s);
  EXPECT_EQ(master_after(fsm, 100, t0 + 4s, 60s), t0 + 23s);
}

TEST(InstanceFsm, TakesOverFromASilentMasterEvenWhileItIsHeldDown) {
  InstanceFsm fsm = patient(150, Preempt::Always, 0s, 1h);
  fsm.on_usable(false, t0 + 1s);
  fsm.on_usable(true, t0 + 2s);
  fsm.on_advert(kPeer, 100, t0 + 3s);
  fsm.on_deadline(fsm.deadline());
  EXPECT_EQ(fsm.state(), State::Master);
}

TEST(InstanceFsm, OnlyListensForTheStartupDelay) {
  InstanceFsm fsm({.source = kUs, .priority = 150, .startup_delay = 10s});
  fsm.on_start(t0);
  EXPECT_EQ(fsm.deadline(), t0 + 10s + fsm.master_down_interval());
  fsm.on_advert(kPeer, 100, t0 + 1s);
  fsm.on_advert(kPeer, kResign, t0 + 2s);
  EXPECT_EQ(fsm.deadline(), t0 + 10s) << "a resignation is remembered, and waits";
  fsm.on_deadline(t0 + 10s);
  EXPECT_EQ(fsm.state(), State::Master);

  InstanceFsm claimant({.source = kUs, .claims_at_start = true, .startup_delay = 10s});
  claimant.on_start(t0);
  EXPECT_EQ(claimant.state(), State::Backup);
  EXPECT_EQ(claimant.deadline(), t0 + 10s) << "it has listened by then";
}

// ---- a priority below the peer's

TEST(InstanceFsm, ResignsWhenItFallsBelowThePeerAndThePeerDoesNotActByItself) {
  InstanceFsm fsm({.source = kUs, .priority = 103, .peer_priority = 102});
  fsm.on_start(t0);
  fsm.on_deadline(fsm.deadline());
  const TimePoint now = t0 + 20s;
  EXPECT_THAT(fsm.on_priority(101, now), ElementsAre(SendAdvert{101}));
  EXPECT_EQ(fsm.deadline(), now + 10ms);
  EXPECT_THAT(fsm.on_deadline(now + 10ms),
              ElementsAre(Noticed{Event::Yielding, {}, 102}, Entering{State::Backup},
                          SendAdvert{kResign}, RemoveAddresses{}, Became{State::Backup}));
  EXPECT_EQ(fsm.deadline(), now + 10ms + fsm.master_down_interval()) << "else it takes it back";
}

TEST(InstanceFsm, DoesNotYieldForAFallThatWasOverAtOnceOrThatLeavesItAbove) {
  InstanceFsm fsm({.source = kUs, .priority = 110, .peer_priority = 102});
  fsm.on_start(t0);
  fsm.on_deadline(fsm.deadline());
  fsm.on_priority(105, t0 + 20s);
  EXPECT_EQ(fsm.deadline(), t0 + 21s) << "still above";
  fsm.on_priority(100, t0 + 20s);
  fsm.on_priority(110, t0 + 20s);
  fsm.on_deadline(t0 + 21s);
  EXPECT_EQ(fsm.state(), State::Master);
}

TEST(InstanceFsm, DoesNotAskAPeerAgainThatDidNotComeUntilItIsHeard) {
  InstanceFsm fsm({.source = kUs, .priority = 103, .peer_priority = 102});
  fsm.on_start(t0);
  fsm.on_deadline(fsm.deadline());
  fsm.on_priority(101, t0 + 20s);
  fsm.on_deadline(fsm.deadline());
  fsm.on_deadline(fsm.deadline());
  ASSERT_EQ(fsm.state(), State::Master) << "nobody came";
  EXPECT_EQ(fsm.peer_priority(), std::nullopt);
  fsm.on_priority(99, t0 + 30s);
  fsm.on_deadline(fsm.deadline());
  EXPECT_EQ(fsm.state(), State::Master);
  fsm.on_advert(kPeer, 98, t0 + 40s);
  EXPECT_EQ(fsm.peer_priority(), 98);
}

TEST(InstanceFsm, DoesNotYieldBecauseItWasLowerAllTheTime) {
  InstanceFsm fsm({.source = kUs, .priority = 100, .peer_priority = 200});
  fsm.on_start(t0);
  for (int i = 0; i < 5; ++i) fsm.on_deadline(fsm.deadline());
  EXPECT_EQ(fsm.state(), State::Master);
}

// ---- a process that did not run

TEST(InstanceFsm, AssertsNothingAfterAStallBeforeItHasListened) {
  InstanceFsm fsm = master(150);
  EXPECT_THAT(fsm.on_stall(t0 + 20s),
              ElementsAre(Noticed{Event::Stalled}, Entering{State::Backup}, RemoveAddresses{},
                          Became{State::Backup}));
  EXPECT_EQ(fsm.deadline(), t0 + 21s);
  fsm.on_advert(kPeer, 200, t0 + 20500ms);
  EXPECT_EQ(fsm.deadline(), t0 + 20500ms + fsm.master_down_interval());

  InstanceFsm alone = master(150);
  alone.on_stall(t0 + 20s);
  alone.on_deadline(t0 + 21s);
  EXPECT_EQ(alone.state(), State::Master);

  InstanceFsm listening = backup(100);
  listening.on_advert(kPeer, 150, t0 + 1s);
  EXPECT_THAT(listening.on_stall(t0 + 30s), IsEmpty());
  EXPECT_EQ(listening.deadline(), t0 + 31s) << "the master may have spoken all the while";
}

// ---- synchronization groups

TEST(InstanceFsm, FollowsItsGroup) {
  InstanceFsm fsm = backup(100);
  fsm.on_advert(kPeer, 150, t0 + 1s);
  EXPECT_TRUE(fsm.follows_better(t0 + 2s)) << "its group may not lead now";
  EXPECT_FALSE(fsm.follows_better(fsm.deadline()));
  EXPECT_EQ(fsm.on_group_leads(t0 + 2s), (Effects{Noticed{Event::Transition}} + taking_over(100)));
  EXPECT_EQ(fsm.cause().kind, Cause::Kind::Group);
  EXPECT_THAT(fsm.on_group_follows(t0 + 3s),
              ElementsAre(Entering{State::Backup}, SendAdvert{kResign}, RemoveAddresses{},
                          Became{State::Backup}));
  EXPECT_FALSE(fsm.follows_better(t0 + 3s));
}

TEST(InstanceFsm, FollowsNobodyWhileItWaitsForItsGroup) {
  InstanceFsm fsm = backup(100);
  fsm.on_advert(kPeer, 150, t0 + 1s);
  const TimePoint silent = fsm.deadline();
  fsm.wait_on(silent);
  EXPECT_EQ(fsm.deadline(), silent + 1s);
  EXPECT_FALSE(fsm.follows_better(silent)) << "or two members would wait for each other for ever";
  fsm.on_advert(kPeer, 150, silent + 500ms);
  EXPECT_TRUE(fsm.follows_better(silent + 500ms)) << "it was only late";
}

// ---- two families

const IpAddress kUs6 = *IpAddress::parse("fe80::b");
const IpAddress kPeer6 = *IpAddress::parse("fe80::c");

InstanceFsm dual(std::uint8_t priority) {
  InstanceFsm fsm({.source = kUs, .other_source = kUs6, .priority = priority, .version = Version::V3});
  fsm.on_start(t0);
  return fsm;
}

TEST(InstanceFsm, HearsAMasterInEitherFamily) {
  InstanceFsm fsm = dual(100);
  TimePoint now = t0;
  for (int i = 0; i < 20; ++i) {
    now += 1s;
    fsm.on_advert(i % 2 ? kPeer : kPeer6, 150, now, 1s);
  }
  EXPECT_EQ(fsm.deadline(), now + fsm.master_down_interval());
  fsm.on_advert(kPeer6, kResign, now);
  EXPECT_EQ(fsm.deadline(), now + fsm.skew()) << "either of its addresses resigns for it";
  fsm.on_advert(kUs6, 200, now);
  EXPECT_EQ(fsm.deadline(), now + fsm.skew()) << "not our own";
}

TEST(InstanceFsm, LeavesATieToTheFirstFamily) {
  InstanceFsm fsm = dual(100);
  fsm.on_deadline(fsm.deadline());
  EXPECT_THAT(fsm.on_advert(kPeer6, 100, t0 + 20s), IsEmpty()) << "the higher of the other family";
  EXPECT_EQ(fsm.state(), State::Master);
  fsm.on_advert(kPeer, 100, t0 + 20s);
  EXPECT_EQ(fsm.state(), State::Backup);
}

// ---- another process goes on

TEST(InstanceFsm, GoesOnAsMasterInAnotherProcessWithoutAnElection) {
  InstanceFsm before = master(150);
  InstanceFsm after({.source = kUs, .priority = 150});
  EXPECT_THAT(after.on_resume(before.memory(), t0 + 10500ms), ElementsAre(AddAddresses{}));
  EXPECT_EQ(after.state(), State::Master);
  EXPECT_EQ(after.deadline(), before.deadline()) << "no advert is missed";
  EXPECT_EQ(after.cause(), before.cause());
}

TEST(InstanceFsm, GoesOnAsBackupInAnotherProcess) {
  InstanceFsm before = backup(100);
  before.on_advert(kPeer, 150, t0 + 1s);
  InstanceFsm after({.source = kUs, .priority = 100});
  EXPECT_THAT(after.on_resume(before.memory(), t0 + 2s), IsEmpty());
  EXPECT_EQ(after.state(), State::Backup);
  EXPECT_TRUE(after.follows_better(t0 + 2s));
  after.on_advert(kPeer, kResign, t0 + 2s);
  EXPECT_EQ(after.deadline(), t0 + 2s + after.skew());
}

TEST(InstanceFsm, StartsAnewWhereThereIsNothingToGoOnWith) {
  InstanceFsm after({.source = kUs, .priority = 100});
  after.on_resume({.state = State::Fault}, t0);
  EXPECT_EQ(after.state(), State::Backup);
}

// ---- a peer that is known

InstanceFsm in_a_pair(std::uint8_t priority) {
  InstanceFsm fsm({.source = kUs, .priority = priority, .only_peer = true});
  fsm.on_start(t0);
  return fsm;
}

TEST(InstanceFsmPair, TakesOverAtOnceWhenTheOnlyPeerResigns) {
  InstanceFsm fsm = in_a_pair(101);
  fsm.on_advert(kPeer, 103, t0);
  fsm.on_advert(kPeer, kResign, t0 + 1s);
  EXPECT_EQ(fsm.deadline(), t0 + 1s);
  EXPECT_EQ(fsm.on_deadline(t0 + 1s), (Effects{Noticed{Event::Transition}} + taking_over(101)));
}

TEST(InstanceFsmPair, WaitsOutItsGraceEvenThen) {
  InstanceFsm fsm({.source = kUs, .priority = 101, .startup_delay = 5s, .only_peer = true});
  fsm.on_start(t0);
  fsm.on_advert(kPeer, 103, t0);
  fsm.on_advert(kPeer, kResign, t0 + 1s);
  EXPECT_EQ(fsm.deadline(), t0 + 5s);
}

TEST(InstanceFsmPair, WhatIsKnownOfThePeerDecidesWhetherItIsAskedToTakeOver) {
  InstanceFsm fsm = master(103);
  fsm.set_peer_priority(101);
  fsm.on_priority(100, t0 + 10s);
  EXPECT_EQ(fsm.deadline(), t0 + 10s + 10ms);  // yields

  InstanceFsm alone = master(103);
  alone.set_peer_priority(std::nullopt);
  EXPECT_THAT(alone.on_priority(100, t0 + 10s), ElementsAre(SendAdvert{100}));
  EXPECT_EQ(alone.deadline(), t0 + 11s);
}

// ---- a planned handover

TEST(InstanceFsmHandover, IsTakenByABackupAndNobodyElse) {
  InstanceFsm fsm = backup(101);
  EXPECT_EQ(fsm.on_handover(t0 + 1s), (Effects{Noticed{Event::Transition}} + taking_over(101)));
  EXPECT_EQ(fsm.cause().kind, Cause::Kind::Handover);
  EXPECT_THAT(fsm.on_handover(t0 + 2s), IsEmpty());
}

TEST(InstanceFsmHandover, WhoTakesDoesNotMindWhatTheGiverSentBefore) {
  InstanceFsm fsm = backup(101);
  fsm.on_handover(t0 + 1s);
  EXPECT_THAT(fsm.on_advert(kPeer, 103, t0 + 1s + 50ms), IsEmpty());
  EXPECT_EQ(fsm.state(), State::Master);
  fsm.on_advert(kPeer, 103, t0 + 1s + 100ms);
  EXPECT_EQ(fsm.state(), State::Backup);
}

TEST(InstanceFsmHandover, WhoGaveDoesNotPreempt) {
  InstanceFsm fsm = master(103);
  EXPECT_THAT(fsm.yield(Cause::Kind::Handover, t0 + 10s),
              ElementsAre(Entering{State::Backup}, SendAdvert{kResign}, RemoveAddresses{},
                          Became{State::Backup}));
  for (int i = 1; i < 20; ++i) {
    fsm.on_advert(kPeer, 101, t0 + 10s + i * 1s);
    fsm.on_deadline(t0 + 10s + i * 1s);
  }
  EXPECT_EQ(fsm.state(), State::Backup);
  // But takes the place of one that falls silent, or falls.
  fsm.on_deadline(t0 + 60s);
  EXPECT_EQ(fsm.state(), State::Master);
}

TEST(InstanceFsmHandover, WhoGaveTakesTheAddressFromOneThatFell) {
  InstanceFsm fsm = master(103);
  fsm.yield(Cause::Kind::Handover, t0 + 10s);
  fsm.on_advert(kPeer, 101, t0 + 11s);
  fsm.on_advert(kPeer, 99, t0 + 12s);
  EXPECT_EQ(fsm.state(), State::Master);
}

TEST(InstanceFsmHandover, WhoGaveAndFailedAndRecoveredPreemptsAgain) {
  InstanceFsm fsm = master(103);
  fsm.yield(Cause::Kind::Handover, t0 + 10s);
  fsm.on_usable(false, t0 + 11s);
  fsm.on_usable(true, t0 + 12s);
  fsm.on_advert(kPeer, 101, t0 + 13s);
  fsm.on_deadline(t0 + 20s);
  EXPECT_EQ(fsm.state(), State::Master);
}

TEST(InstanceFsmHandover, ThatItGaveOutlivesTheProcess) {
  InstanceFsm fsm = master(103);
  fsm.yield(Cause::Kind::Handover, t0 + 10s);
  fsm.on_advert(kPeer, 101, t0 + 11s);
  InstanceFsm next({.source = kUs, .priority = 103});
  next.on_resume(fsm.memory(), t0 + 12s);
  next.on_advert(kPeer, 101, t0 + 13s);
  EXPECT_EQ(next.state(), State::Backup);
}

TEST(InstanceFsmHandover, ACourteousOneAsksBeforeItPreempts) {
  InstanceFsm fsm = backup(103);
  fsm.set_courteous(true);
  EXPECT_THAT(fsm.on_advert(kPeer, 101, t0 + 1s), ElementsAre(AskForHandover{}));
  EXPECT_THAT(fsm.on_advert(kPeer, 101, t0 + 2s), IsEmpty());  // asked once
  EXPECT_EQ(fsm.deadline(), t0 + 2s + fsm.master_down_interval());
  // The other did nothing.
  fsm.on_advert(kPeer, 101, t0 + 5s);
  EXPECT_EQ(fsm.state(), State::Master);
  EXPECT_EQ(fsm.cause().kind, Cause::Kind::Lower);
}

TEST(InstanceFsmHandover, ACourteousOneDoesNotClaimAtTheStart) {
  InstanceFsm fsm({.source = kUs, .priority = 103, .claims_at_start = true});
  fsm.set_courteous(true);
  fsm.on_start(t0);
  EXPECT_EQ(fsm.state(), State::Backup);
}

TEST(InstanceFsmHandover, CourtesyDoesNotKeepOneThatFell) {
  InstanceFsm fsm = backup(102);
  fsm.set_courteous(true);
  fsm.on_advert(kPeer, 103, t0 + 1s);
  fsm.on_advert(kPeer, 101, t0 + 2s);
  EXPECT_EQ(fsm.state(), State::Master);
}

// ---- other settings

TEST(InstanceFsmChange, AMasterGoesOnAndItsNextAdvertIsNotLate) {
  InstanceFsm fsm = master(150);
  const TimePoint due = fsm.deadline();
  fsm.change({.source = kUs, .priority = 120}, due - 400ms);
  EXPECT_EQ(fsm.deadline(), due);
  fsm.change({.source = kUs, .priority = 120, .interval = 100ms, .version = Version::V3}, due - 400ms);
  EXPECT_EQ(fsm.deadline(), due - 300ms);
  fsm.change({.source = kUs, .priority = 120, .interval = 5s, .version = Version::V3}, due - 390ms);
  EXPECT_EQ(fsm.deadline(), due - 300ms) << "the longer one begins with the next";
  EXPECT_EQ(fsm.state(), State::Master);
  EXPECT_EQ(fsm.priority(), 150) << "until it is told";
  EXPECT_THAT(fsm.on_priority(120, due - 390ms), ElementsAre(SendAdvert{120}));
}

TEST(InstanceFsmChange, ABackupWaitsAsIfItHadAlwaysBeenSo) {
  InstanceFsm fsm({.source = kUs, .priority = 100, .interval = 1s, .version = Version::V3});
  fsm.on_start(t0);
  const Duration skew_of_one = 156 * Duration(1s) / 256;
  EXPECT_EQ(fsm.deadline(), t0 + 3s + skew_of_one);
  fsm.change({.source = kUs, .priority = 100, .interval = 500ms, .version = Version::V3}, t0 + 1s);
  EXPECT_EQ(fsm.deadline(), t0 + (3s + skew_of_one) / 2);
  fsm.change({.source = kUs, .priority = 100, .interval = 10ms, .version = Version::V3}, t0 + 1s);
  EXPECT_EQ(fsm.deadline(), t0 + 1s) << "over already";
}

TEST(InstanceFsmChange, AMastersOwnIntervalIsItsOwn) {
  InstanceFsm fsm({.source = kUs, .priority = 100, .interval = 1s, .version = Version::V3});
  fsm.on_start(t0);
  fsm.on_advert(kPeer, 150, t0, 2s);
  const TimePoint due = fsm.deadline();
  fsm.change({.source = kUs, .priority = 100, .interval = 900ms, .version = Version::V3}, t0 + 1s);
  EXPECT_EQ(fsm.deadline(), due);
  EXPECT_TRUE(fsm.follows_better(t0 + 1s));
}

TEST(InstanceFsmChange, AResignationIsActedUponInTheSkew) {
  InstanceFsm fsm = backup(100);
  fsm.on_advert(kPeer, 150, t0);
  fsm.on_advert(kPeer, kResign, t0 + 1s);
  const TimePoint due = fsm.deadline();
  fsm.change({.source = kUs, .priority = 100, .interval = 2s}, t0 + 1s);
  EXPECT_EQ(fsm.deadline(), due);
}

TEST(InstanceFsmChange, APreemptDelayBeginsAnew) {
  const auto delayed = [](Duration delay) {
    return InstanceFsm::Settings{
        .source = kUs, .priority = 100, .preempt = InstanceFsm::Preempt::Delay, .preempt_delay = delay};
  };
  InstanceFsm fsm(delayed(10s));
  fsm.on_start(t0);
  fsm.on_advert(kPeer, 90, t0);
  fsm.change(delayed(2s), t0 + 1s);
  fsm.on_advert(kPeer, 90, t0 + 1s);
  fsm.on_advert(kPeer, 90, t0 + 2900ms);
  EXPECT_EQ(fsm.state(), State::Backup);
  fsm.on_advert(kPeer, 90, t0 + 3s);
  EXPECT_EQ(fsm.state(), State::Master);
}

TEST(InstanceFsmChange, WhatTheFileSaysOfThePeerCountsUntilItIsHeard) {
  InstanceFsm fsm({.source = kUs, .priority = 100, .peer_priority = 90});
  fsm.change({.source = kUs, .priority = 100, .peer_priority = 95}, t0);
  EXPECT_EQ(fsm.peer_priority(), 95);
  fsm.set_peer_priority(80);
  fsm.change({.source = kUs, .priority = 100, .peer_priority = 99}, t0);
  EXPECT_EQ(fsm.peer_priority(), 80);
}

}  // namespace
}  // namespace hapair::vrrp
