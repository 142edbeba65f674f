#include "ctl/probe_record.h"

#include <gtest/gtest.h>

namespace hapair::ctl {
namespace {

using namespace std::chrono_literals;

const TimePoint t0 = TimePoint(1000s);

/// A try every 5 ms from `from` to `to`, each answered after 1 ms.
void ask(ProbeRecord& record, Duration from, Duration to, bool good = true) {
  for (Duration at = from; at < to; at += 5ms)
    record.end(record.begin(t0 + at), good, t0 + at + 1ms);
}

TEST(ProbeRecord, MeasuresTheLongestGapBetweenGoodAnswers) {
  ProbeRecord record;
  ask(record, 0ms, 100ms);
  ask(record, 100ms, 130ms, false);
  ask(record, 130ms, 200ms);
  EXPECT_EQ(record.longest_gap(t0 + 200ms), 35ms);
  EXPECT_EQ(record.tries(), 40U);
  EXPECT_EQ(record.lost(), 6U);
  EXPECT_EQ(record.good(), 34U);
}

TEST(ProbeRecord, CountsAGapThatHasNotEnded) {
  ProbeRecord record;
  ask(record, 0ms, 100ms);
  EXPECT_EQ(record.longest_gap(t0 + 1096ms), 1s);
}

TEST(ProbeRecord, WithoutAGoodAnswerIsOneGap) {
  ProbeRecord record;
  EXPECT_EQ(record.longest_gap(t0), 0ms);
  ask(record, 0ms, 100ms, false);
  EXPECT_EQ(record.longest_gap(t0 + 300ms), 300ms);
}

TEST(ProbeRecord, CountsAnAnswerWhenItCame) {
  ProbeRecord record;
  const auto slow = record.begin(t0);
  ask(record, 5ms, 50ms);
  record.end(slow, true, t0 + 250ms);
  EXPECT_EQ(record.longest_gap(t0 + 250ms), 204ms);
}

TEST(ProbeRecord, IsGoodWhenNothingWasLostAndNothingIsLate) {
  ProbeRecord record;
  EXPECT_FALSE(record.is_good_for(1s, t0)) << "nothing was asked";
  ask(record, 0ms, 100ms, false);
  ask(record, 100ms, 1101ms);
  EXPECT_FALSE(record.is_good_for(1s, t0 + 1095ms));
  EXPECT_TRUE(record.is_good_for(1s, t0 + 1097ms));
  const auto waiting = record.begin(t0 + 1100ms);
  EXPECT_TRUE(record.is_good_for(1s, t0 + 1200ms)) << "it may still be answered";
  EXPECT_FALSE(record.is_good_for(1s, t0 + 1201ms)) << "who knows whether it will be";
  record.end(waiting, false, t0 + 2100ms);
  EXPECT_FALSE(record.is_good_for(1s, t0 + 2101ms));
}

TEST(ProbeRecord, KnowsHowLongTheProbeItselfPaused) {
  ProbeRecord record;
  EXPECT_EQ(record.longest_pause(), 0ms);
  ask(record, 0ms, 50ms);
  ask(record, 80ms, 100ms);
  EXPECT_EQ(record.longest_pause(), 35ms);
}

}  // namespace
}  // namespace hapair::ctl
