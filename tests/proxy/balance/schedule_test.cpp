#include "proxy/balance/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace hapair::balance {
namespace {

// "aab…": a letter a turn.
std::string round_of(std::vector<unsigned> weights) {
  std::string letters;
  const Schedule schedule{weights};
  for (const int server : schedule.order()) letters += static_cast<char>('a' + server);
  return letters;
}

TEST(Schedule, AlternatesEqualWeightsFromTheFirstServer) {
  EXPECT_EQ(round_of({1, 1}), "ab");
  EXPECT_EQ(round_of({7, 7, 7}), "abc");
}

TEST(Schedule, SpreadsTheTurnsOfAHeavierServer) {
  EXPECT_EQ(round_of({3, 1}), "aaba");
  EXPECT_EQ(round_of({2, 1}), "aba");
  EXPECT_EQ(round_of({1, 2}), "bab");
}

TEST(Schedule, PutsManyLightServersBetweenTheTurnsOfAHeavyOne) {
  EXPECT_EQ(round_of({4, 1, 1, 1, 1}), "abacadea");
}

TEST(Schedule, DividesWeightsByTheirCommonDivisor) {
  EXPECT_EQ(round_of({200, 100}), "aba");
}

TEST(Schedule, GivesNoTurnToWeightZero) {
  EXPECT_EQ(round_of({0, 5, 0, 5}), "bd");
  EXPECT_TRUE(Schedule(std::vector<unsigned>{0, 0}).empty());
  EXPECT_TRUE(Schedule(std::vector<unsigned>{}).empty());
}

TEST(Schedule, IsExactAndNeverATurnOffTheIdealShare) {
  const std::vector<unsigned> weights = {1, 7, 13, 256, 99, 2, 50, 50};
  const Schedule schedule{weights};
  const double total = 478;
  ASSERT_EQ(schedule.size(), 478u);
  std::vector<int> turns(weights.size());
  for (std::size_t slot = 0; slot < schedule.size(); ++slot) {
    ++turns[static_cast<std::size_t>(schedule.at(slot))];
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double ideal = static_cast<double>(slot + 1) * weights[i] / total;
      ASSERT_LT(std::abs(turns[i] - ideal), 1.0) << "server " << i << " slot " << slot;
    }
  }
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_EQ(turns[i], static_cast<int>(weights[i]));
}

TEST(Schedule, IsBoundedHoweverManyServersThereAre) {
  std::vector<unsigned> weights(4000);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = 1 + static_cast<unsigned>(i % 256);
  const Schedule schedule{weights};
  EXPECT_LE(schedule.size(), Schedule::kLongestRound + weights.size());
  std::vector<int> turns(weights.size());
  for (const int server : schedule.order()) ++turns[static_cast<std::size_t>(server)];
  EXPECT_GE(*std::min_element(turns.begin(), turns.end()), 1);
}

}  // namespace
}  // namespace hapair::balance
