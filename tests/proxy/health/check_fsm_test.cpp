#include "proxy/health/check_fsm.h"

#include <gtest/gtest.h>

#include "proxy/health/downtime.h"

namespace hapair::health {
namespace {

constexpr TimePoint t0{1000s};

CheckFsm up_check(CheckFsm::Settings settings = {}) {
  CheckFsm check(settings, t0);
  check.on_probe(Probe::Pass, t0);
  return check;
}

TEST(CheckFsm, IsUnknownUntilItsFirstProbe) {
  CheckFsm check({}, t0 + 500ms);
  EXPECT_EQ(check.health(), Health::Unknown);
  EXPECT_EQ(check.status(), "DOWN");
  EXPECT_EQ(check.next_probe(), t0 + 500ms);
}

TEST(CheckFsm, ComesUpWithTheFirstGoodProbe) {
  CheckFsm check({.rise = 5}, t0);
  EXPECT_EQ(check.on_probe(Probe::Pass, t0), Health::Up);
  EXPECT_EQ(check.status(), "UP");
  EXPECT_EQ(check.lives(), 7);
}

TEST(CheckFsm, GoesDownWithTheFirstFailureEver) {
  CheckFsm check({.fall = 5}, t0);
  EXPECT_EQ(check.on_probe(Probe::Fail, t0), Health::Down);
  EXPECT_EQ(check.status(), "DOWN");
  EXPECT_EQ(check.failures(), 1u);
}

TEST(CheckFsm, GoesDownAfterThreeFailuresInARow) {
  CheckFsm check = up_check({.fall = 3});
  EXPECT_EQ(check.on_probe(Probe::Fail, t0 + 2s), std::nullopt);
  EXPECT_EQ(check.status(), "UP 2/3");
  EXPECT_EQ(check.on_probe(Probe::Fail, t0 + 4s), std::nullopt);
  EXPECT_EQ(check.status(), "UP 1/3");
  EXPECT_EQ(check.on_probe(Probe::Fail, t0 + 6s), Health::Down);
  EXPECT_EQ(check.status(), "DOWN");
  EXPECT_EQ(check.next_probe(), t0 + 8s);
}

TEST(CheckFsm, TrafficThatFailsCountsAsAFailedProbe) {
  CheckFsm check = up_check({.fall = 3});
  EXPECT_EQ(check.on_traffic_errors(Penalty::FailCheck, t0 + 100ms), std::nullopt);
  EXPECT_EQ(check.status(), "UP 2/3");
  EXPECT_EQ(check.on_probe(Probe::Fail, t0 + 2s), std::nullopt);
  EXPECT_EQ(check.status(), "UP 1/3");
  EXPECT_EQ(check.on_traffic_errors(Penalty::FailCheck, t0 + 3s), Health::Down);
  EXPECT_EQ(check.status(), "DOWN");
  EXPECT_EQ(check.failures(), 3u);
}

TEST(CheckFsm, AGoodProbeMakesUpForTraffic) {
  CheckFsm check = up_check({.fall = 3});
  check.on_traffic_errors(Penalty::SuddenDeath, t0 + 100ms);
  check.on_probe(Probe::Pass, t0 + 2s);
  EXPECT_EQ(check.status(), "UP");
}

TEST(CheckFsm, SuddenDeathLeavesOneLife) {
  CheckFsm check = up_check({.rise = 4, .fall = 5});
  EXPECT_EQ(check.on_traffic_errors(Penalty::SuddenDeath, t0 + 100ms), std::nullopt);
  EXPECT_EQ(check.status(), "UP 1/5");
  EXPECT_EQ(check.on_probe(Probe::Fail, t0 + 2s), Health::Down);
}

TEST(CheckFsm, SuddenDeathTakesTheLastLife) {
  CheckFsm check = up_check();
  check.on_traffic_errors(Penalty::SuddenDeath, t0 + 100ms);
  EXPECT_EQ(check.on_traffic_errors(Penalty::SuddenDeath, t0 + 200ms), Health::Down);
}

TEST(CheckFsm, MarkDownTakesAllLivesAndRiseBringsItBack) {
  CheckFsm check = up_check({.rise = 2, .fall = 3});
  EXPECT_EQ(check.on_traffic_errors(Penalty::MarkDown, t0 + 100ms), Health::Down);
  EXPECT_EQ(check.status(), "DOWN");
  EXPECT_EQ(check.on_probe(Probe::Pass, t0 + 2s), std::nullopt);
  EXPECT_EQ(check.on_probe(Probe::Pass, t0 + 4s), Health::Up);
}

TEST(CheckFsm, TrafficBringsTheNextProbeForward) {
  CheckFsm check = up_check({.interval = 2s, .fast_interval = 200ms});
  EXPECT_EQ(check.on_traffic_errors(Penalty::ProbeSooner, t0 + 100ms), std::nullopt);
  EXPECT_EQ(check.status(), "UP");
  EXPECT_EQ(check.next_probe(), t0 + 300ms);
  check.on_traffic_errors(Penalty::ProbeSooner, t0 + 250ms);
  EXPECT_EQ(check.next_probe(), t0 + 300ms) << "never later than it was due";
}

TEST(CheckFsm, WithoutAFastIntervalProbesKeepTheirTime) {
  CheckFsm check = up_check({.interval = 2s});
  check.on_traffic_errors(Penalty::FailCheck, t0 + 100ms);
  EXPECT_EQ(check.next_probe(), t0 + 2s);
}

TEST(CheckFsm, TrafficOfAServerThatIsDownOrUnknownChangesNothing) {
  CheckFsm unknown({.fast_interval = 1ms}, t0 + 1s);
  EXPECT_EQ(unknown.on_traffic_errors(Penalty::MarkDown, t0), std::nullopt);
  EXPECT_EQ(unknown.health(), Health::Unknown);
  EXPECT_EQ(unknown.next_probe(), t0 + 1s);
  CheckFsm rising = up_check({.rise = 3, .fall = 1});
  rising.on_probe(Probe::Fail, t0 + 2s);
  rising.on_probe(Probe::Pass, t0 + 4s);
  EXPECT_EQ(rising.on_traffic_errors(Penalty::FailCheck, t0 + 5s), std::nullopt);
  EXPECT_EQ(rising.status(), "DOWN 1/3");
}

TEST(CheckFsm, ForgetsFailuresAtTheFirstPass) {
  CheckFsm check = up_check({.fall = 3});
  check.on_probe(Probe::Fail, t0 + 2s);
  check.on_probe(Probe::Fail, t0 + 4s);
  check.on_probe(Probe::Pass, t0 + 6s);
  EXPECT_EQ(check.status(), "UP");
  EXPECT_EQ(check.on_probe(Probe::Fail, t0 + 8s), std::nullopt);
  EXPECT_EQ(check.on_probe(Probe::Fail, t0 + 10s), std::nullopt);
  EXPECT_EQ(check.health(), Health::Up);
}

TEST(CheckFsm, ComesBackAfterTwoPassesInARow) {
  CheckFsm check({.rise = 2}, t0);
  check.on_probe(Probe::Fail, t0);
  EXPECT_EQ(check.on_probe(Probe::Pass, t0 + 2s), std::nullopt);
  EXPECT_EQ(check.status(), "DOWN 1/2");
  EXPECT_EQ(check.on_probe(Probe::Fail, t0 + 4s), std::nullopt);
  EXPECT_EQ(check.status(), "DOWN");
  EXPECT_EQ(check.on_probe(Probe::Pass, t0 + 6s), std::nullopt);
  EXPECT_EQ(check.on_probe(Probe::Pass, t0 + 8s), Health::Up);
  EXPECT_EQ(check.status(), "UP");
}

TEST(CheckFsm, CountsNoFailuresOfAServerThatIsDownAnyway) {
  CheckFsm check = up_check({.fall = 2});
  for (int i = 1; i <= 10; ++i) check.on_probe(Probe::Fail, t0 + i * 2s);
  EXPECT_EQ(check.failures(), 2u);
}

TEST(CheckFsm, ProbesFasterInTransitionAndSlowerWhenDown) {
  CheckFsm check =
      up_check({.interval = 2s, .fast_interval = 500ms, .down_interval = 10s, .fall = 2});
  EXPECT_EQ(check.next_probe(), t0 + 2s);
  check.on_probe(Probe::Fail, t0 + 2s);
  EXPECT_EQ(check.next_probe(), t0 + 2500ms);
  check.on_probe(Probe::Fail, t0 + 2500ms);
  EXPECT_EQ(check.next_probe(), t0 + 12500ms);
  check.on_probe(Probe::Pass, t0 + 12500ms);
  EXPECT_EQ(check.next_probe(), t0 + 13s);
}

TEST(CheckFsm, StartsProbesOneIntervalApartHoweverLongTheyTake) {
  CheckFsm check = up_check();
  check.on_probe(Probe::Pass, t0 + 3500ms, 1500ms);  // began at t0 + 2s
  EXPECT_EQ(check.next_probe(), t0 + 4s);
  check.on_probe(Probe::Fail, t0 + 9s, 5s);  // longer than the interval: at once
  EXPECT_EQ(check.next_probe(), t0 + 9s);
}

TEST(CheckFsm, WithRiseAndFallOfOneFollowsEveryProbe) {
  CheckFsm check = up_check({.rise = 1, .fall = 1});
  EXPECT_EQ(check.on_probe(Probe::Fail, t0), Health::Down);
  EXPECT_EQ(check.on_probe(Probe::Pass, t0), Health::Up);
  EXPECT_EQ(check.status(), "UP");
}

TEST(Downtime, AddsUpItsPeriodsAndTheOneUnderWay) {
  Downtime downtime(t0);
  downtime.on_down(t0 + 10s);
  downtime.on_down(t0 + 11s);  // already
  EXPECT_EQ(downtime.total(t0 + 15s), 5s);
  downtime.on_up(t0 + 20s);
  EXPECT_EQ(downtime.total(t0 + 100s), 10s);
  downtime.on_down(t0 + 100s);
  EXPECT_EQ(downtime.total(t0 + 101s), 11s);
  EXPECT_EQ(downtime.downs(), 2u);
  EXPECT_EQ(downtime.last_change(), t0 + 100s);
}

TEST(CheckFsm, AConditionalPassKeepsItUpAndAsksForNoNewWork) {
  CheckFsm check({}, t0);
  check.on_probe(Probe::Pass, t0);
  EXPECT_EQ(check.on_probe(Probe::Conditional, t0 + 2s), std::nullopt);
  EXPECT_TRUE(check.stopping());
  check.on_probe(Probe::Fail, t0 + 4s);
  EXPECT_TRUE(check.stopping()) << "one failure says nothing yet";
  check.on_probe(Probe::Pass, t0 + 6s);
  EXPECT_FALSE(check.stopping());
  EXPECT_EQ(check.health(), Health::Up);
}

TEST(CheckFsm, AConditionalPassDoesNotBringADeadServerBack) {
  CheckFsm check({.rise = 1}, t0);
  check.on_probe(Probe::Fail, t0);
  EXPECT_EQ(check.on_probe(Probe::Conditional, t0 + 2s), std::nullopt);
  EXPECT_EQ(check.health(), Health::Down);
  EXPECT_FALSE(check.stopping());
}

TEST(CheckFsm, AServerThatIsStoppingGoesDownAsAnyOther) {
  CheckFsm check({.fall = 1}, t0);
  check.on_probe(Probe::Conditional, t0);
  EXPECT_EQ(check.health(), Health::Up);
  check.on_probe(Probe::Fail, t0 + 2s);
  EXPECT_EQ(check.health(), Health::Down);
  EXPECT_FALSE(check.stopping());
}

TEST(CheckFsm, AfterMaintenanceOneGoodProbeIsEnough) {
  CheckFsm check({.rise = 3}, t0);
  check.on_probe(Probe::Pass, t0);
  check.begin_again(t0 + 60s);
  EXPECT_EQ(check.health(), Health::Down);
  EXPECT_EQ(check.next_probe(), t0 + 60s);
  EXPECT_EQ(check.on_probe(Probe::Pass, t0 + 60s), Health::Up);
}

}  // namespace
}  // namespace hapair::health
