#include "vrrp/core/drill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hapair::vrrp::drill {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const TimePoint t0 = TimePoint(1000s);
// A daemon that has run for long.
const TimePoint kStarted = t0 - 1h;

Order order(Kind kind, std::uint64_t id = 7) {
  return {.id = id, .kind = kind, .hold = 3s, .instance = "VI 1"};
}

Actor allowed(TimePoint started = kStarted) {
  Actor actor(started);
  actor.set_allowed(true);
  return actor;
}

/// What the other node hears.
Heard said(const Asker& asker) {
  return read(asker.words());
}
Heard said(const Actor& actor) {
  return read(actor.words());
}

TEST(DrillWords, ComeBackAsTheyWereSaid) {
  const PairMessage::Drill words[] = {
      to_words(order(Kind::HangProxy)),
      to_words(Answer{.id = 9, .step = Answer::Step::Begun, .why = {}}),
      to_words(Answer{.id = 8, .step = Answer::Step::Refused, .why = "it is late"}),
      ask_for_events("VI 1"), to_words(Event{1500ms, State::Fault, "MASTER -> FAULT"})};
  const Heard heard = read(words);
  EXPECT_EQ(heard.order, order(Kind::HangProxy));
  EXPECT_THAT(heard.answers, ElementsAre(Answer{9, Answer::Step::Begun, ""},
                                         Answer{8, Answer::Step::Refused, "it is late"}));
  EXPECT_EQ(heard.tell, "VI 1");
  EXPECT_THAT(heard.events, ElementsAre(Event{1500ms, State::Fault, "MASTER -> FAULT"}));
}

TEST(DrillWords, ThatAreNotUnderstoodArePassedOver) {
  for (const char* detail : {"", "7", "7 kill-proxy", "7 kill-proxy 3000", "7 kill-proxy 3000 ",
                             "x kill-proxy 3000 VI", "7 erase-disk 3000 VI", "7 kill-proxy 99 VI",
                             "7 kill-proxy 60001 VI", "7 kill-proxy -1 VI"}) {
    const PairMessage::Drill word{.verb = "start", .detail = detail};
    EXPECT_FALSE(read({&word, 1}).order) << detail;
  }
  const PairMessage::Drill rubbish[] = {
      {"begun", "x"}, {"told", "soon FAULT x"}, {"told", "5 TIRED x"}, {"dance", "7"}};
  const Heard heard = read(rubbish);
  EXPECT_THAT(heard.answers, IsEmpty());
  EXPECT_THAT(heard.events, IsEmpty());
}

TEST(Drill, IsCarriedOutOnceHoweverOftenItIsHeard) {
  Actor actor = allowed();
  EXPECT_EQ(actor.on_order(order(Kind::KillProxy), t0), order(Kind::KillProxy));
  actor.on_carried_out("", t0);
  EXPECT_EQ(actor.on_order(order(Kind::KillProxy), t0 + 100ms), std::nullopt);
  EXPECT_EQ(actor.on_order(order(Kind::KillProxy), t0 + 1h), std::nullopt);
  EXPECT_EQ(actor.on_order(order(Kind::KillProxy, 8), t0 + 1h), order(Kind::KillProxy, 8));
}

TEST(Drill, IsUndoneWhenItsHoldIsOver) {
  Actor actor = allowed();
  actor.on_order(order(Kind::HangProxy), t0);
  actor.on_carried_out("", t0);
  EXPECT_EQ(*actor.held(), order(Kind::HangProxy));
  EXPECT_THAT(said(actor).answers, ElementsAre(Answer{7, Answer::Step::Begun, ""}));
  EXPECT_EQ(actor.deadline(), t0 + 3s);
  EXPECT_EQ(actor.on_deadline(t0 + 2s), std::nullopt);
  EXPECT_EQ(actor.on_deadline(t0 + 3s), order(Kind::HangProxy));
  EXPECT_EQ(actor.held(), nullptr);
  EXPECT_THAT(said(actor).answers, ElementsAre(Answer{7, Answer::Step::Over, ""}));
  EXPECT_EQ(actor.on_deadline(t0 + 3s + kAnswered), std::nullopt);
  EXPECT_THAT(actor.words(), IsEmpty());
  EXPECT_EQ(actor.deadline(), kNever);
}

TEST(Drill, IsOverAtOnceWhenThereIsNothingToUndo) {
  Actor actor = allowed();
  actor.on_order(order(Kind::KillProxy), t0);
  actor.on_carried_out("", t0);
  EXPECT_EQ(actor.held(), nullptr);
  EXPECT_THAT(said(actor).answers, ElementsAre(Answer{7, Answer::Step::Over, ""}));
}

TEST(Drill, IsUndoneByADaemonThatEnds) {
  Actor actor = allowed();
  EXPECT_EQ(actor.on_shutdown(), std::nullopt);
  actor.on_order(order(Kind::HangProxy), t0);
  actor.on_carried_out("", t0);
  EXPECT_EQ(actor.on_shutdown(), order(Kind::HangProxy));
  EXPECT_EQ(actor.on_shutdown(), std::nullopt);
}

TEST(Drill, IsRefusedWhereTheFileDoesNotAllowIt) {
  Actor actor(kStarted);
  EXPECT_EQ(actor.on_order(order(Kind::KillVrrp), t0), std::nullopt);
  const auto answers = said(actor).answers;
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].step, Answer::Step::Refused);
  EXPECT_THAT(answers[0].why, HasSubstr("drills = true"));
}

/// Who was killed by a drill hears the same order again while the other node still says it.
TEST(Drill, IsRefusedByADaemonThatHasJustStarted) {
  Asker asker;
  asker.ask(order(Kind::KillVrrp), t0);
  Actor reborn = allowed(t0 + 10ms);
  EXPECT_EQ(reborn.on_order(*said(asker).order, t0 + 20ms), std::nullopt);
  // By the time that it would obey nobody says it any more.
  asker.on_deadline(t0 + kSaid);
  EXPECT_FALSE(said(asker).order);
  EXPECT_EQ(reborn.on_order(order(Kind::KillVrrp, 8), t0 + 10ms + kLeastUptime),
            order(Kind::KillVrrp, 8));
}

TEST(Drill, IsRefusedWhileAnotherIsNotUndone) {
  Actor actor = allowed();
  actor.on_order(order(Kind::HangProxy), t0);
  actor.on_carried_out("", t0);
  EXPECT_EQ(actor.on_order(order(Kind::KillProxy, 8), t0 + 1s), std::nullopt);
  EXPECT_THAT(said(actor).answers,
              ElementsAre(Answer{7, Answer::Step::Begun, ""},
                          Answer{8, Answer::Step::Refused, "another drill is under way there"}));
  EXPECT_EQ(actor.on_deadline(t0 + 3s), order(Kind::HangProxy))
      << "the refusal does not put it off";
}

TEST(Drill, ThatCannotBeCarriedOutIsRefusedAndNothingIsUndone) {
  Actor actor = allowed();
  actor.on_order(order(Kind::HangProxy), t0);
  actor.on_carried_out("no proxy is heard", t0);
  EXPECT_THAT(said(actor).answers,
              ElementsAre(Answer{7, Answer::Step::Refused, "no proxy is heard"}));
  EXPECT_EQ(actor.on_deadline(t0 + 1h), std::nullopt);
  EXPECT_EQ(actor.on_shutdown(), std::nullopt);
}

TEST(DrillAsker, SaysTheOrderUntilItIsAnswered) {
  Asker asker;
  EXPECT_THAT(asker.words(), IsEmpty());
  asker.ask(order(Kind::StopVrrp), t0);
  EXPECT_EQ(said(asker).order, order(Kind::StopVrrp));
  EXPECT_EQ(said(asker).tell, "VI 1");
  asker.on_answer({.id = 6, .step = Answer::Step::Begun, .why = {}}, t0);
  EXPECT_EQ(asker.step(), Asker::Step::Asked) << "that was another's";
  asker.on_answer({.id = 7, .step = Answer::Step::Begun, .why = {}}, t0);
  EXPECT_EQ(asker.step(), Asker::Step::Begun);
  EXPECT_FALSE(said(asker).order);
  EXPECT_EQ(said(asker).tell, "VI 1");
  asker.on_answer({.id = 7, .step = Answer::Step::Over, .why = {}}, t0 + 3s);
  EXPECT_EQ(asker.step(), Asker::Step::Over);
  EXPECT_FALSE(asker.is_busy());
}

TEST(DrillAsker, TakesSilenceForARefusal) {
  Asker asker;
  asker.ask(order(Kind::StopVrrp), t0);
  asker.on_deadline(t0 + 500ms);
  EXPECT_EQ(asker.step(), Asker::Step::Asked);
  asker.on_deadline(t0 + kSaid);
  EXPECT_EQ(asker.step(), Asker::Step::Refused);
  EXPECT_EQ(asker.why_refused(), "the other node did not answer");
  EXPECT_THAT(asker.words(), IsEmpty());
}

TEST(DrillAsker, DoesNotTakeTheNextProcessForTheOneThatBegan) {
  Asker asker;
  asker.ask(order(Kind::KillVrrp), t0);
  asker.on_answer({.id = 7, .step = Answer::Step::Over, .why = {}}, t0);
  asker.on_answer({.id = 7, .step = Answer::Step::Refused, .why = "just started"}, t0 + 1s);
  EXPECT_EQ(asker.step(), Asker::Step::Over);
}

TEST(DrillAsker, IsFreeAgainAlthoughTheOtherNeverSaysThatItIsOver) {
  Asker asker;
  asker.ask(order(Kind::HangProxy), t0);
  asker.on_answer({.id = 7, .step = Answer::Step::Begun, .why = {}}, t0);
  EXPECT_EQ(asker.deadline(), t0 + 3s + kCurious);
  asker.on_deadline(t0 + 3s + kCurious);
  EXPECT_FALSE(asker.is_busy());
  EXPECT_THAT(asker.words(), IsEmpty());
}

TEST(DrillAsker, IsClosedOnce) {
  Asker asker;
  EXPECT_FALSE(asker.close(7));
  asker.ask(order(Kind::KillProxy), t0);
  asker.on_answer({.id = 7, .step = Answer::Step::Over, .why = {}}, t0);
  EXPECT_FALSE(asker.close(8));
  EXPECT_TRUE(asker.close(7));
  EXPECT_FALSE(asker.close(7));
  EXPECT_THAT(asker.words(), IsEmpty());
}

TEST(Drill, HasANameAndAnExplanation) {
  for (const Description& one : descriptions()) {
    EXPECT_EQ(find(one.name), &one);
    EXPECT_EQ(&describe(one.kind), &one);
    EXPECT_FALSE(one.what.empty());
  }
  EXPECT_EQ(find("kil-proxy"), nullptr);
}

}  // namespace
}  // namespace hapair::vrrp::drill
