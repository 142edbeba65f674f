#include "vrrp/core/quorum.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint t0{100s};

/// A search that finds these, and ends at once.
std::optional<Verdict> search(Quorum& quorum, std::initializer_list<int> found, TimePoint now) {
  EXPECT_LE(quorum.search_at(), now) << "nobody asked for a search";
  quorum.on_search();
  for (const int pid : found) quorum.on_found(pid);
  return quorum.on_searched(now);
}

TEST(Quorum, SearchesAtItsStartAndBelievesTheFirstSearch) {
  Quorum there({}, t0), missing({}, t0);
  EXPECT_EQ(there.verdict(), Verdict::Unknown);
  EXPECT_EQ(search(there, {7}, t0), Verdict::Good);
  EXPECT_EQ(there.search_at(), kNever) << "its end will be heard";
  EXPECT_EQ(search(missing, {}, t0), Verdict::Bad);
}

TEST(Quorum, SearchesFiveTimesASecondWhileThereAreTooFew) {
  Quorum quorum({.least = 2}, t0);
  EXPECT_EQ(search(quorum, {7}, t0), Verdict::Bad);
  EXPECT_EQ(quorum.search_at(), t0 + 200ms);
  EXPECT_EQ(search(quorum, {}, t0 + 200ms), std::nullopt);
  EXPECT_EQ(search(quorum, {8}, t0 + 400ms), Verdict::Good);
  EXPECT_EQ(quorum.running(), 2);
}

TEST(Quorum, DuringASearchNoOtherIsDue) {
  Quorum quorum({}, t0);
  quorum.on_search();
  EXPECT_EQ(quorum.search_at(), kNever);
}

TEST(Quorum, WhatEndsIsBadOnceASearchHasFoundNoOther) {
  Quorum quorum({}, t0);
  search(quorum, {7}, t0);
  quorum.on_ended(7, t0 + 1s);
  EXPECT_EQ(quorum.verdict(), Verdict::Good);
  EXPECT_EQ(quorum.search_at(), t0 + 1s) << "at once";
  EXPECT_EQ(search(quorum, {}, t0 + 1s), Verdict::Bad);
}

TEST(Quorum, ASuccessorThatRanBeforeKeepsItGood) {
  Quorum quorum({}, t0);
  search(quorum, {7}, t0);
  quorum.on_ended(7, t0 + 1s);
  EXPECT_EQ(search(quorum, {9}, t0 + 1s), std::nullopt);
  EXPECT_EQ(quorum.verdict(), Verdict::Good);
}

TEST(Quorum, OneOfMoreThanEnoughMayEnd) {
  Quorum quorum({}, t0);
  search(quorum, {7, 8}, t0);
  quorum.on_ended(7, t0 + 1s);
  EXPECT_EQ(quorum.search_at(), kNever);
  EXPECT_FALSE(quorum.knows(7));
  EXPECT_TRUE(quorum.knows(8));
}

TEST(Quorum, OneThatEndsDuringASearchBeginsNoOther) {
  Quorum quorum({.least = 2}, t0);
  quorum.on_search();
  quorum.on_found(7);
  quorum.on_ended(7, t0);
  EXPECT_EQ(quorum.search_at(), kNever);
  quorum.on_found(8);
  EXPECT_EQ(quorum.on_searched(t0), Verdict::Bad);
  EXPECT_EQ(quorum.search_at(), t0 + 200ms);
}

TEST(Quorum, ASearchThatTakesLongIsNotWaitedFor) {
  Quorum quorum({}, t0);
  search(quorum, {7}, t0);
  quorum.on_ended(7, t0 + 1s);
  quorum.on_search();
  EXPECT_EQ(quorum.deadline(), t0 + 1020ms);
  EXPECT_EQ(quorum.on_deadline(t0 + 1019ms), std::nullopt);
  EXPECT_EQ(quorum.on_deadline(t0 + 1020ms), Verdict::Bad);
  EXPECT_EQ(quorum.deadline(), kNever);
  quorum.on_found(9);
  EXPECT_EQ(quorum.on_searched(t0 + 3s), Verdict::Good) << "it was only late";
}

TEST(Quorum, DelaysCountFromWhenThereAreEnoughOrTooFew) {
  Quorum quorum({.least = 1, .delays = {.up_delay = 300ms, .down_delay = 1s}}, t0);
  search(quorum, {7}, t0);
  quorum.on_ended(7, t0 + 1s);
  EXPECT_EQ(search(quorum, {}, t0 + 1s), std::nullopt);
  EXPECT_EQ(quorum.deadline(), t0 + 2s);
  for (TimePoint now = t0 + 1200ms; now < t0 + 2s; now += 200ms) search(quorum, {}, now);
  EXPECT_EQ(quorum.on_deadline(t0 + 2s), Verdict::Bad);
  EXPECT_EQ(search(quorum, {9}, t0 + 2200ms), std::nullopt);
  EXPECT_EQ(quorum.on_deadline(t0 + 2500ms), Verdict::Good);
}

TEST(Quorum, ARestartWithinTheDelayIsNoChange) {
  Quorum quorum({.least = 1, .delays = {.down_delay = 1s}}, t0);
  search(quorum, {7}, t0);
  quorum.on_ended(7, t0 + 1s);
  search(quorum, {}, t0 + 1s);
  EXPECT_EQ(search(quorum, {9}, t0 + 1200ms), std::nullopt);
  EXPECT_EQ(quorum.deadline(), kNever);
  EXPECT_EQ(quorum.verdict(), Verdict::Good);
}

}  // namespace
}  // namespace hapair::vrrp
