#include "proxy/health/status_word.h"

#include <gtest/gtest.h>

namespace hapair::health {
namespace {

std::string word(std::uint32_t reasons, int lives = 4, bool agent = false, bool checked = true) {
  return status_word({.condition = Condition(reasons),
                      .checked = checked,
                      .has_agent = agent,
                      .rise = checked ? 2 : 0,
                      .fall = checked ? 3 : 0,
                      .lives = checked ? lives : 0,
                      .tracked = "ins/l1"});
}

TEST(StatusWord, CountsHowFarItIsFromTheOtherSide) {
  EXPECT_EQ(word(0), "UP");
  EXPECT_EQ(word(0, 3), "UP 2/3");
  EXPECT_EQ(word(0, 2), "UP 1/3");
  EXPECT_EQ(word(Condition::kCheckDown, 1), "DOWN 1/2");
  EXPECT_EQ(word(Condition::kCheckDown, 0), "DOWN");
  EXPECT_EQ(word(Condition::kUnproven, 0), "DOWN");
}

TEST(StatusWord, SaysWhoWantsItOut) {
  EXPECT_EQ(word(Condition::kStopping), "NOLB");
  EXPECT_EQ(word(Condition::kStopping, 3), "NOLB 2/3");
  EXPECT_EQ(word(Condition::kForcedDrain), "DRAIN");
  EXPECT_EQ(word(Condition::kForcedDrain, 4, true), "DRAIN (agent)");
  EXPECT_EQ(word(Condition::kInheritedMaint), "MAINT (via ins/l1)");
  EXPECT_EQ(word(Condition::kInheritedMaint | Condition::kForcedMaint), "MAINT");
  EXPECT_EQ(word(Condition::kUnresolvedMaint), "MAINT (resolution)");
  EXPECT_EQ(word(Condition::kAgentDown, 4, true), "DOWN (agent)");
}

TEST(StatusWord, AServerNobodyChecksIsSaidToHaveNoCheck) {
  EXPECT_EQ(word(0, 0, false, false), "no check");
  EXPECT_EQ(word(0, 0, true, false), "no check");
  EXPECT_EQ(word(Condition::kForcedMaint, 0, false, false), "MAINT");
  EXPECT_EQ(word(Condition::kForcedDrain, 0, false, false), "DRAIN");
}

}  // namespace
}  // namespace hapair::health
