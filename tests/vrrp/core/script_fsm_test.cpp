#include "vrrp/core/script_fsm.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint t0{100s};

/// Runs take 10 ms.
std::optional<Verdict> outcome(ScriptFsm& fsm, bool succeeded, TimePoint at) {
  fsm.on_run(at);
  return fsm.on_exit(succeeded, at + 10ms);
}

TEST(ScriptFsm, BelievesTheFirstOutcomeEitherWay) {
  ScriptFsm good({.rise = 3, .fall = 3}, t0);
  EXPECT_EQ(outcome(good, true, t0), Verdict::Good);
  ScriptFsm bad({.rise = 3, .fall = 3}, t0);
  EXPECT_EQ(outcome(bad, false, t0), Verdict::Bad);
}

TEST(ScriptFsm, TurnsAfterAsManyOutcomesInARowAsAsked) {
  ScriptFsm fsm({.interval = 1s, .rise = 2, .fall = 3}, t0);
  outcome(fsm, true, t0);
  EXPECT_EQ(outcome(fsm, false, t0 + 1s), std::nullopt);
  EXPECT_EQ(outcome(fsm, false, t0 + 2s), std::nullopt);
  EXPECT_EQ(outcome(fsm, true, t0 + 3s), std::nullopt) << "begins the count again";
  EXPECT_EQ(outcome(fsm, false, t0 + 4s), std::nullopt);
  EXPECT_EQ(outcome(fsm, false, t0 + 5s), std::nullopt);
  EXPECT_EQ(outcome(fsm, false, t0 + 6s), Verdict::Bad);
  EXPECT_EQ(outcome(fsm, true, t0 + 7s), std::nullopt);
  EXPECT_EQ(outcome(fsm, true, t0 + 8s), Verdict::Good);
}

TEST(ScriptFsm, BegunBadItTakesItsWholeRiseToBecomeGood) {
  ScriptFsm fsm({.interval = 1s, .rise = 2, .begins_bad = true}, t0);
  EXPECT_EQ(fsm.verdict(), Verdict::Bad) << "known from the start";
  EXPECT_EQ(outcome(fsm, true, t0), std::nullopt);
  EXPECT_EQ(outcome(fsm, true, t0 + 1s), Verdict::Good);
}

TEST(ScriptFsm, SaysNothingWhileNothingChanges) {
  ScriptFsm fsm({}, t0);
  outcome(fsm, true, t0);
  EXPECT_EQ(outcome(fsm, true, t0 + 1s), std::nullopt);
  EXPECT_EQ(fsm.verdict(), Verdict::Good);
}

TEST(ScriptFsm, CountsItsIntervalFromStartToStartAndNeverOverlaps) {
  ScriptFsm fsm({.interval = 2s}, t0);
  EXPECT_EQ(fsm.next_run(), t0);
  fsm.on_run(t0);
  EXPECT_EQ(fsm.next_run(), kNever);
  fsm.on_exit(true, t0 + 300ms);
  EXPECT_EQ(fsm.next_run(), t0 + 2s);
  fsm.on_run(t0 + 2s);
  fsm.on_exit(true, t0 + 5s);
  EXPECT_EQ(fsm.next_run(), t0 + 5s) << "overran its interval: at once, but after its end";
}

}  // namespace
}  // namespace hapair::vrrp
