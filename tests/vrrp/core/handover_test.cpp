#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vrrp/core/handover_giver.h"
#include "vrrp/core/handover_taker.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using handover::Orders;
using handover::Settings;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TimePoint t0{1000s};

/// One word an effect: "hold", "release", "give", "count", "install", "remove", "take", "told …".
std::vector<std::string> words(const Orders& effects) {
  struct Word {
    std::string operator()(const handover::HoldOnLoopback&) { return "hold"; }
    std::string operator()(const handover::ReleaseLoopback&) { return "release"; }
    std::string operator()(const handover::Give&) { return "give"; }
    std::string operator()(const handover::Count&) { return "count"; }
    std::string operator()(const handover::InstallForwarding&) { return "install"; }
    std::string operator()(const handover::RemoveForwarding&) { return "remove"; }
    std::string operator()(const handover::Take&) { return "take"; }
    std::string operator()(const handover::Told& told) {
      return (told.failed ? "failed: " : "told: ") + told.text;
    }
  };
  std::vector<std::string> out;
  for (const auto& effect : effects) out.push_back(std::visit(Word(), effect));
  return out;
}

constexpr std::string_view kKept = "told: handing over: connections that are established stay here until they end";

TEST(Handover, GoesStepByStepFromOneNodeToTheOther) {
  HandoverGiver giver(Settings{});
  HandoverTaker taker(Settings{});
  EXPECT_THAT(words(giver.give(7, t0)), IsEmpty());
  EXPECT_EQ(giver.word(), (handover::Word{"offer", 7, {}}));
  EXPECT_THAT(words(taker.on_offer(7, State::Backup, t0)), ElementsAre("install"));
  EXPECT_EQ(taker.word(), handover::Word{}) << "not before it is installed";
  EXPECT_THAT(words(taker.on_offer(7, State::Backup, t0)), IsEmpty()) << "said again";
  EXPECT_THAT(words(taker.on_installed(true, "", t0)), IsEmpty());
  EXPECT_EQ(taker.word(), (handover::Word{"ready", 7, {}}));
  EXPECT_THAT(words(giver.on_ready(7, t0)), ElementsAre(kKept, "hold", "give"));
  EXPECT_EQ(giver.word(), (handover::Word{"go", 7, {}}));
  EXPECT_THAT(words(taker.on_go(7, t0)), ElementsAre("take"));
  EXPECT_THAT(words(taker.on_go(7, t0)), IsEmpty());
  giver.on_state(State::Backup, t0);

  EXPECT_THAT(words(giver.on_deadline(t0 + 250ms)), ElementsAre("count"));
  EXPECT_THAT(words(giver.on_connections(0, t0 + 250ms)), IsEmpty()) << "some may be on their way";
  EXPECT_THAT(words(giver.on_connections(3, t0 + 3s)), IsEmpty());
  EXPECT_EQ(giver.left(), 3U);
  EXPECT_THAT(words(giver.on_connections(0, t0 + 4s)),
              ElementsAre("release", "told: the last connection that stayed here has ended"));
  EXPECT_EQ(giver.word(), (handover::Word{"done", 7, {}}));
  EXPECT_THAT(words(taker.on_done(7)),
              ElementsAre("remove", "told: the handover is complete: nothing is left at the other node"));
  giver.on_deadline(giver.deadline());
  EXPECT_EQ(giver.step(), HandoverGiver::Step::Idle);
  EXPECT_EQ(taker.step(), HandoverTaker::Step::Idle);
}

TEST(HandoverGiver, HandsOverPlainlyAndSaysWhyWhereConnectionsCannotBeKept) {
  HandoverGiver unable(Settings{.cannot = "the kernel has no nf_tables"});
  EXPECT_THAT(words(unable.give(1, t0)),
              ElementsAre("failed: handing over without keeping connections: the kernel has no nf_tables",
                          "give"));
  HandoverGiver refused(Settings{});
  refused.give(1, t0);
  EXPECT_THAT(words(refused.on_refusal(2, "x", t0)), IsEmpty()) << "another handover's";
  EXPECT_THAT(words(refused.on_refusal(1, "no nf_dup", t0)),
              ElementsAre("failed: handing over without keeping connections: the other node refused: "
                          "no nf_dup",
                          "give"));
  HandoverGiver alone(Settings{});
  alone.give(1, t0);
  EXPECT_THAT(words(alone.on_deadline(t0 + 1s)),
              ElementsAre("failed: handing over without keeping connections: the other node did not "
                          "answer",
                          "give"));
}

TEST(HandoverGiver, CutsWhatIsLeftAtTheLimitAndSaysHowMuch) {
  HandoverGiver giver(Settings{.drain_limit = 10s});
  giver.give(1, t0);
  giver.on_ready(1, t0);
  int counts = 0;
  TimePoint now = t0;
  std::vector<std::string> last;
  while (giver.step() == HandoverGiver::Step::Draining) {
    now = giver.deadline();
    last = words(giver.on_deadline(now));
    counts += last == std::vector<std::string>{"count"};
    giver.on_connections(2, now);
  }
  EXPECT_EQ(now, t0 + 10s);
  EXPECT_EQ(counts, 39);
  EXPECT_THAT(last, ElementsAre("release", "failed: the drain limit is reached: 2 connections are cut"));
}

TEST(HandoverGiver, KeepsWhatIsItsOwnWhenItIsMasterAgainAndLetsTheOtherForwardAMomentMore) {
  HandoverGiver giver(Settings{});
  giver.give(1, t0);
  giver.on_ready(1, t0);
  EXPECT_THAT(words(giver.on_state(State::Master, t0 + 5s)), ElementsAre("release"));
  EXPECT_EQ(giver.word(), handover::Word{}) << "segments may still come to the other's address";
  giver.on_deadline(t0 + 7s);
  EXPECT_EQ(giver.word(), (handover::Word{"done", 1, {}}));
  EXPECT_THAT(words(giver.on_connections(0, t0 + 8s)), IsEmpty()) << "a late answer";
  EXPECT_THAT(words(giver.give(2, t0 + 8s)), IsEmpty());
  EXPECT_EQ(giver.word(), (handover::Word{"offer", 2, {}})) << "the next may begin at once";
}

TEST(HandoverGiver, GivesNothingToANodeThatCannotServe) {
  HandoverGiver giver(Settings{});
  giver.give(7, t0);
  EXPECT_THAT(words(giver.on_unfit(State::Fault, State::Master)),
              ElementsAre("failed: not handing over: the other node cannot serve any more"));
  EXPECT_EQ(giver.step(), HandoverGiver::Step::Idle);
  EXPECT_THAT(words(giver.on_ready(7, t0)), IsEmpty());
}

TEST(HandoverGiver, TakesTheAddressBackFromANodeThatFailedMeanwhile) {
  HandoverGiver giver(Settings{});
  giver.give(7, t0);
  giver.on_ready(7, t0);
  EXPECT_THAT(words(giver.on_unfit(State::Backup, State::Backup)), IsEmpty()) << "it only leaves";
  EXPECT_THAT(words(giver.on_unfit(State::Fault, State::Fault)), IsEmpty()) << "nor can we";
  EXPECT_THAT(words(giver.on_unfit(State::Fault, State::Backup)),
              ElementsAre("failed: taking the address back: the other node cannot serve", "take"));
}

TEST(HandoverGiver, ForgetsItsOfferWhenTheElectionMovesByItself) {
  HandoverGiver giver(Settings{});
  giver.give(1, t0);
  giver.on_state(State::Fault, t0);
  EXPECT_EQ(giver.word(), handover::Word{});
  EXPECT_THAT(words(giver.on_ready(1, t0)), IsEmpty());
  EXPECT_THAT(words(giver.on_deadline(t0 + 9s)), IsEmpty());
}

TEST(HandoverGiver, LeavesNothingBehindWhenTheDaemonEnds) {
  HandoverGiver giver(Settings{});
  EXPECT_THAT(words(giver.on_shutdown()), IsEmpty());
  giver.give(1, t0);
  EXPECT_THAT(words(giver.on_shutdown()), IsEmpty());
  giver.give(2, t0);
  giver.on_ready(2, t0);
  EXPECT_THAT(words(giver.on_shutdown()), ElementsAre("release"));
}

HandoverTaker ready() {
  HandoverTaker taker(Settings{});
  taker.on_offer(7, State::Backup, t0);
  taker.on_installed(true, "", t0);
  return taker;
}

TEST(HandoverTaker, TakesNothingAsMasterOrInFault) {
  HandoverTaker taker(Settings{});
  EXPECT_THAT(words(taker.on_offer(7, State::Master, t0)), IsEmpty());
  EXPECT_THAT(words(taker.on_offer(7, State::Fault, t0)), IsEmpty());
  EXPECT_EQ(taker.step(), HandoverTaker::Step::Idle);
}

TEST(HandoverTaker, WantsNothingAnyMoreInFault) {
  HandoverTaker taker(Settings{});
  taker.want(t0);
  taker.on_state(State::Fault, t0);
  EXPECT_EQ(taker.word(), handover::Word{});
  taker.on_offer(7, State::Backup, t0);
  taker.on_installed(true, "", t0);
  EXPECT_THAT(words(taker.on_state(State::Fault, t0)), ElementsAre("remove"));
  EXPECT_THAT(words(taker.on_go(7, t0)), IsEmpty());
}

TEST(HandoverTaker, RefusesWithTheReason) {
  HandoverTaker unable(Settings{.cannot = "no nf_dup"});
  EXPECT_THAT(words(unable.on_offer(7, State::Backup, t0)), IsEmpty());
  EXPECT_EQ(unable.word(), (handover::Word{"refuse", 7, "no nf_dup"}));
  HandoverTaker failing(Settings{});
  failing.on_offer(7, State::Backup, t0);
  EXPECT_THAT(words(failing.on_installed(false, "EPERM", t0)),
              ElementsAre("failed: cannot take over without breaking connections: EPERM"));
  EXPECT_EQ(failing.word(), (handover::Word{"refuse", 7, "EPERM"}));
  EXPECT_THAT(words(failing.on_deadline(failing.deadline())), IsEmpty()) << "nothing was installed";
}

TEST(HandoverTaker, RemovesItsForwardingWhenTheGiverDoesNotGoOn) {
  HandoverTaker taker = ready();
  EXPECT_THAT(words(taker.on_deadline(t0 + 999ms)), IsEmpty());
  EXPECT_THAT(words(taker.on_deadline(t0 + 1s)), ElementsAre("remove"));
}

TEST(HandoverTaker, GoesOnForwardingWhenTheElectionWasQuickerThanTheWord) {
  HandoverTaker taker = ready();
  EXPECT_THAT(words(taker.on_state(State::Master, t0)), IsEmpty());
  EXPECT_EQ(taker.step(), HandoverTaker::Step::Forwarding);
  EXPECT_THAT(words(taker.on_go(7, t0)), IsEmpty());
}

TEST(HandoverTaker, PassesNothingOnToAGiverThatIsGone) {
  for (const bool forwarding : {false, true}) {
    HandoverTaker taker = ready();
    if (forwarding) taker.on_go(7, t0);
    EXPECT_THAT(words(taker.on_silence()), ElementsAre("remove"));
    EXPECT_THAT(words(taker.on_silence()), IsEmpty());
  }
}

TEST(HandoverTaker, ForwardsNoLongerThanTheGiverDrains) {
  HandoverTaker taker = ready();
  taker.on_go(7, t0);
  EXPECT_EQ(taker.deadline(), t0 + 10min + 3s);
  EXPECT_THAT(words(taker.on_deadline(taker.deadline())), ElementsAre("remove"));
}

TEST(HandoverTaker, AsksForTheAddressAndStopsWhenItHasItOrNobodyHears) {
  HandoverTaker taker(Settings{});
  taker.want(t0);
  EXPECT_EQ(taker.word().word, "want");
  EXPECT_THAT(words(taker.on_offer(9, State::Backup, t0)), ElementsAre("install"));
  HandoverTaker lucky(Settings{});
  lucky.want(t0);
  lucky.on_state(State::Master, t0);
  EXPECT_EQ(lucky.word(), handover::Word{});
  HandoverTaker alone(Settings{});
  alone.want(t0);
  alone.on_deadline(t0 + 1s);
  EXPECT_EQ(alone.word(), handover::Word{});
}

TEST(HandoverTaker, InstallsAnewForTheNextHandoverWhileItStillForwards) {
  HandoverTaker taker = ready();
  taker.on_go(7, t0);
  EXPECT_THAT(words(taker.on_offer(8, State::Backup, t0 + 5s)), ElementsAre("install"))
      << "it gave the address back meanwhile, and is to take it again";
  EXPECT_THAT(words(taker.on_done(7)), IsEmpty()) << "of the handover before";
}

}  // namespace
}  // namespace hapair::vrrp
