#include "vrrp/core/debounce.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint t0{100s};

TEST(Debounce, BelievesTheFirstStateAtOnce) {
  Debounce up({.up_delay = 5s, .down_delay = 5s}), down({.up_delay = 5s, .down_delay = 5s});
  EXPECT_EQ(up.on_state(true, t0), Verdict::Good);
  EXPECT_EQ(down.on_state(false, t0), Verdict::Bad);
}

TEST(Debounce, WithoutDelaysEveryChangeCounts) {
  Debounce link({});
  link.on_state(true, t0);
  EXPECT_EQ(link.on_state(false, t0), Verdict::Bad);
  EXPECT_EQ(link.on_state(false, t0 + 1s), std::nullopt) << "nothing new";
  EXPECT_EQ(link.on_state(true, t0 + 1s), Verdict::Good);
}

TEST(Debounce, AChangeCountsWhenItHasLasted) {
  Debounce link({.up_delay = 3s, .down_delay = 500ms});
  link.on_state(true, t0);
  EXPECT_EQ(link.on_state(false, t0 + 1s), std::nullopt);
  EXPECT_EQ(link.deadline(), t0 + 1500ms);
  EXPECT_EQ(link.on_state(false, t0 + 1400ms), std::nullopt)
      << "told again, it does not begin again";
  EXPECT_EQ(link.on_deadline(t0 + 1499ms), std::nullopt);
  EXPECT_EQ(link.on_deadline(t0 + 1500ms), Verdict::Bad);
  EXPECT_EQ(link.deadline(), kNever);
  EXPECT_EQ(link.on_state(true, t0 + 2s), std::nullopt);
  EXPECT_EQ(link.deadline(), t0 + 5s);
  EXPECT_EQ(link.on_deadline(t0 + 5s), Verdict::Good);
}

TEST(Debounce, WhatComesBackInTimeWasNeverGone) {
  Debounce link({.up_delay = 3s, .down_delay = 3s});
  link.on_state(true, t0);
  link.on_state(false, t0 + 1s);
  EXPECT_EQ(link.on_state(true, t0 + 2s), std::nullopt);
  EXPECT_EQ(link.deadline(), kNever);
  EXPECT_EQ(link.on_deadline(t0 + 10s), std::nullopt);
  EXPECT_EQ(link.verdict(), Verdict::Good);
  link.on_state(false, t0 + 20s);
  EXPECT_EQ(link.deadline(), t0 + 23s) << "the count begins anew";
}

TEST(Debounce, AStateThatIsToldLateCountsWithoutADeadline) {
  Debounce link({.down_delay = 1s});
  link.on_state(true, t0);
  link.on_state(false, t0);
  EXPECT_EQ(link.on_state(false, t0 + 2s), Verdict::Bad) << "the timer has not been heard yet";
}

}  // namespace
}  // namespace hapair::vrrp
