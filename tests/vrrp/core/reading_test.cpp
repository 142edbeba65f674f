#include "vrrp/core/reading.h"

#include <gtest/gtest.h>

#include <array>

namespace hapair::vrrp {
namespace {

/// What a node of priority 100 makes of one reading; 0: it is in FAULT.
int priority(const Reading& reading, int weight, bool reverse = false) {
  const std::array tracked = {weigh(reading, weight, reverse)};
  return fit_to_serve(tracked) ? effective_priority(100, tracked) : 0;
}

Reading number(int value) {
  return Reading::of(std::optional(value));
}
const Reading kGood = Reading::of(Verdict::Good);
const Reading kBad = Reading::of(Verdict::Bad);
const Reading kUnknown = Reading::of(Verdict::Unknown);
const Reading kUnreadNumber = Reading::of(std::optional<int>());

TEST(Reading, OfAVerdictShiftsThePriorityByItsWeight) {
  EXPECT_EQ(priority(kGood, 20), 120);
  EXPECT_EQ(priority(kBad, 20), 100);
  EXPECT_EQ(priority(kGood, -20), 100);
  EXPECT_EQ(priority(kBad, -20), 80);
  EXPECT_EQ(priority(kGood, 0), 100);
  EXPECT_EQ(priority(kBad, 0), 0);
}

TEST(Reading, ReverseTurnsGoodIntoBad) {
  EXPECT_EQ(priority(kGood, 20, true), 100);
  EXPECT_EQ(priority(kBad, 20, true), 120);
  EXPECT_EQ(priority(kGood, -20, true), 80);
  EXPECT_EQ(priority(kGood, 0, true), 0);
  EXPECT_EQ(priority(kBad, 0, true), 100);
}

TEST(Reading, WhatIsNotKnownIsBadEitherWay) {
  for (const bool reverse : {false, true}) {
    EXPECT_EQ(priority(kUnknown, 20, reverse), 100);
    EXPECT_EQ(priority(kUnknown, -20, reverse), 80);
    EXPECT_EQ(priority(kUnknown, 0, reverse), 0);
    EXPECT_EQ(priority(kUnreadNumber, 1, reverse), 0) << "it may say -254";
    EXPECT_EQ(priority(kUnreadNumber, -1, reverse), 0);
  }
}

TEST(Reading, OfANumberIsAddedAsOftenAsItsWeightSays) {
  EXPECT_EQ(priority(number(0), 1), 100);
  EXPECT_EQ(priority(number(7), 1), 107);
  EXPECT_EQ(priority(number(-7), 3), 79);
  EXPECT_EQ(priority(number(7), -3), 79);
  EXPECT_EQ(priority(number(-7), -3), 121);
  EXPECT_EQ(priority(number(7), 3, true), 79);
  EXPECT_EQ(priority(number(2000), 254), 254);
}

TEST(Reading, OfANumberMeansFaultFromMinus254On) {
  EXPECT_EQ(priority(number(-253), 1), 1);
  EXPECT_EQ(priority(number(-254), 1), 0);
  EXPECT_EQ(priority(number(-2000), 1), 0);
  EXPECT_EQ(priority(number(-1), 254), 0) << "the least that a file can say";
  EXPECT_EQ(priority(number(1), 254, true), 0);
  EXPECT_EQ(priority(number(2000), -254), 0);
}

TEST(Reading, OfANumberOfWeightZeroIsGoodWhileItIsZero) {
  EXPECT_EQ(priority(number(0), 0), 100);
  EXPECT_EQ(priority(number(1), 0), 0);
  EXPECT_EQ(priority(number(-1), 0), 0);
  EXPECT_EQ(priority(number(0), 0, true), 0);
  EXPECT_EQ(priority(number(1), 0, true), 100);
}

}  // namespace
}  // namespace hapair::vrrp
