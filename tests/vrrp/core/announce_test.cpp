#include "vrrp/core/announce.h"

#include <gtest/gtest.h>

#include <utility>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint t0{100s};
using Sent = std::vector<std::pair<Duration, int>>;

/// What goes out until `end`, as (time since t0, count).
Sent run_until(AnnounceSchedule& schedule, TimePoint end) {
  Sent sent;
  while (schedule.deadline() <= end) {
    const TimePoint now = schedule.deadline();
    sent.emplace_back(now - t0, schedule.take_due(now));
  }
  return sent;
}

TEST(AnnounceSchedule, AnnouncesATakeoverNowAndOnceMoreAfterTheDelay) {
  AnnounceSchedule schedule({.repeat = 5, .delay = 5s});
  schedule.on_takeover(t0);
  EXPECT_EQ(run_until(schedule, t0 + 1h), (Sent{{0s, 5}, {5s, 5}}));
}

TEST(AnnounceSchedule, SaysNothingBeforeATakeover) {
  AnnounceSchedule schedule({.refresh = 1s});
  schedule.on_rival(t0);
  EXPECT_EQ(schedule.deadline(), kNever);
  EXPECT_EQ(schedule.take_due(t0 + 1h), 0);
}

TEST(AnnounceSchedule, SpeaksLastAfterARivalWasHeard) {
  AnnounceSchedule schedule({.delay = 0s});
  schedule.on_takeover(t0 - 10s);
  run_until(schedule, t0 - 1s);
  schedule.on_rival(t0);
  EXPECT_EQ(run_until(schedule, t0 + 1h),
            (Sent{{0ms, 1}, {100ms, 1}, {500ms, 1}, {1s, 1}, {2s, 1}}));
}

TEST(AnnounceSchedule, IsNotMultipliedByAFloodOfRivals) {
  AnnounceSchedule schedule({.delay = 0s});
  schedule.on_takeover(t0 - 10s);
  run_until(schedule, t0 - 1s);
  int sent = 0;
  for (TimePoint now = t0; now < t0 + 10s; now += 1ms) {
    schedule.on_rival(now);
    sent += schedule.take_due(now);
  }
  EXPECT_LE(sent, 10 * 5);
  EXPECT_GE(sent, 10);
}

TEST(AnnounceSchedule, ForgetsEverythingWhenTheElectionIsLost) {
  AnnounceSchedule schedule({.refresh = 1s});
  schedule.on_takeover(t0);
  schedule.on_rival(t0);
  schedule.on_lost();
  EXPECT_EQ(schedule.deadline(), kNever);
  EXPECT_EQ(schedule.take_due(t0 + 1h), 0);
}

TEST(AnnounceSchedule, RefreshesForAsLongAsItIsMaster) {
  AnnounceSchedule schedule({.repeat = 5, .delay = 0s, .refresh = 10s, .refresh_repeat = 2});
  schedule.on_takeover(t0);
  EXPECT_EQ(run_until(schedule, t0 + 35s), (Sent{{0s, 5}, {10s, 2}, {20s, 2}, {30s, 2}}));
}

TEST(AnnounceSchedule, SendsOneSetForAllItMissedDuringAStall) {
  AnnounceSchedule schedule({.repeat = 5, .delay = 5s});
  schedule.on_takeover(t0);
  EXPECT_EQ(schedule.take_due(t0 + 1min), 5);
  EXPECT_EQ(schedule.deadline(), kNever);
}

TEST(AnnounceSchedule, ChangesWithoutForgettingWhatIsDue) {
  AnnounceSchedule schedule({.repeat = 5, .delay = 5s});
  schedule.on_takeover(t0);
  EXPECT_EQ(schedule.take_due(t0), 5);
  schedule.change({.repeat = 3, .delay = 5s, .refresh = 2s}, t0 + 1s);
  EXPECT_EQ(schedule.deadline(), t0 + 3s);
  EXPECT_EQ(schedule.take_due(t0 + 3s), 1);
  EXPECT_EQ(schedule.take_due(t0 + 5s), 5);
  schedule.change({.repeat = 3, .delay = 5s}, t0 + 6s);
  EXPECT_EQ(schedule.deadline(), kNever);
}

}  // namespace
}  // namespace hapair::vrrp
