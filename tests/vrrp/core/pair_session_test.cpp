#include "vrrp/core/pair_session.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using Kind = PairSession::Heard::Kind;

constexpr TimePoint t0{1000s};
const KeyRing kKeys{{{.id = 1, .secret = std::string(32, 'k')}}};

PairSession life(std::uint8_t name) {
  return PairSession({.epoch = {name}, .patience = 1s}, kKeys);
}

/// Both know each other.
void meet(PairSession& a, PairSession& b, TimePoint now = t0) {
  const auto greeting = b.on_datagram(a.say("from a"), now);
  ASSERT_EQ(greeting.kind, Kind::Greeting);
  ASSERT_TRUE(greeting.answer);
  ASSERT_EQ(a.on_datagram(*greeting.answer, now).kind, Kind::Greeting) << "says only that it lives";
  ASSERT_EQ(b.on_datagram(a.say("from a"), now).kind, Kind::Message);
  ASSERT_EQ(a.on_datagram(b.say("from b"), now).kind, Kind::Message);
}

TEST(PairSession, BelievesTheOtherAfterOneRoundTrip) {
  PairSession a = life(1), b = life(2);
  EXPECT_FALSE(a.is_alive(t0));
  meet(a, b);
  EXPECT_TRUE(a.is_alive(t0 + 1s));
  EXPECT_FALSE(a.is_alive(t0 + 1001ms));
  EXPECT_EQ(a.deadline(t0), t0 + 1s + 1ns);
}

TEST(PairSession, BelievesNothingTwiceNorBackwards) {
  PairSession a = life(1), b = life(2);
  meet(a, b);
  const Bytes first = a.say("one"), second = a.say("two");
  EXPECT_EQ(b.on_datagram(second, t0).payload, "two");
  EXPECT_EQ(b.on_datagram(second, t0).kind, Kind::Refused);
  EXPECT_EQ(b.on_datagram(first, t0).kind, Kind::Refused);
  EXPECT_EQ(b.refused(), 2U);
}

TEST(PairSession, BelievesNothingThatWasSaidToAnEarlierLife) {
  PairSession a = life(1), before = life(2);
  meet(a, before);
  const Bytes recorded = a.say("I am master");
  PairSession after = life(3);
  const auto heard = after.on_datagram(recorded, t0 + 5s);
  EXPECT_EQ(heard.kind, Kind::Greeting) << "whoever replays it learns nothing, and moves nothing";
  EXPECT_FALSE(after.is_alive(t0 + 5s));
  meet(a, after, t0 + 6s);
}

TEST(PairSession, FollowsTheOtherIntoItsNextLifeAndNeverBack) {
  PairSession a = life(1), before = life(2);
  meet(a, before);
  const Bytes old = before.say("old");
  PairSession after = life(3);
  const auto greeting = a.on_datagram(after.say("new"), t0);
  ASSERT_TRUE(greeting.answer) << "it is told our epoch";
  after.on_datagram(*greeting.answer, t0);
  EXPECT_EQ(a.on_datagram(after.say("new"), t0).kind, Kind::Message);
  EXPECT_EQ(a.on_datagram(old, t0).kind, Kind::Refused);
  EXPECT_EQ(a.on_datagram(before.say("still there"), t0).kind, Kind::Refused);
}

TEST(PairSession, IsNotDisturbedByGreetingsOfStrangersLives) {
  PairSession a = life(1), b = life(2), recorded = life(9);
  meet(a, b);
  int answers = 0;
  for (int i = 0; i < 1000; ++i) answers += a.on_datagram(recorded.say("replayed"), t0).answer.has_value();
  EXPECT_LE(answers, 1) << "answered rarely";
  EXPECT_EQ(b.on_datagram(a.say("one"), t0).payload, "one") << "still said to the right one";
}

TEST(PairSession, DoesNotHearItself) {
  PairSession a = life(1);
  EXPECT_EQ(a.on_datagram(a.say("me"), t0).kind, Kind::Refused);
}

TEST(PairSession, RefusesWhatNobodyOfThePairHasSigned) {
  PairSession a = life(1), b = life(2);
  PairSession forger({.epoch = {7}, .patience = 1s}, {{{.id = 1, .secret = std::string(32, 'z')}}});
  meet(a, b);
  EXPECT_EQ(a.on_datagram(forger.say("x"), t0).kind, Kind::Refused);
  EXPECT_EQ(a.on_datagram(Bytes(100, 0), t0).kind, Kind::Refused);
}

}  // namespace
}  // namespace hapair::vrrp
