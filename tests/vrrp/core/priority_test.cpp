#include "vrrp/core/priority.h"

#include <gtest/gtest.h>

#include <vector>

namespace hapair::vrrp {
namespace {

using List = std::vector<Tracked>;

TEST(Priority, OfTheSeedIsTwoHigherWhileTheProxyRuns) {
  EXPECT_EQ(effective_priority(101, List{{2, Verdict::Good}}), 103);
  EXPECT_EQ(effective_priority(101, List{{2, Verdict::Bad}}), 101);
  // So one dead proxy is enough to turn the order round: 101 < 102.
  EXPECT_LT(effective_priority(101, List{{2, Verdict::Bad}}),
            effective_priority(100, List{{2, Verdict::Good}}));
}

TEST(Priority, FallsByANegativeWeightWhileTheScriptFails) {
  EXPECT_EQ(effective_priority(100, List{{-30, Verdict::Bad}}), 70);
  EXPECT_EQ(effective_priority(100, List{{-30, Verdict::Good}}), 100);
}

TEST(Priority, TakesWhatIsNotKnownYetForBad) {
  EXPECT_EQ(effective_priority(100, List{{5, Verdict::Unknown}}), 100);
  EXPECT_EQ(effective_priority(100, List{{-5, Verdict::Unknown}}), 95);
}

TEST(Priority, AddsUpAndStaysWithinWhatAnAdvertMaySay) {
  EXPECT_EQ(effective_priority(100, List{{5, Verdict::Good}, {-20, Verdict::Bad}}), 85);
  EXPECT_EQ(effective_priority(200, List{{253, Verdict::Good}}), 254);
  EXPECT_EQ(effective_priority(10, List{{-253, Verdict::Bad}}), 1);
}

TEST(Priority, OfAnOwnerNeverChanges) {
  EXPECT_EQ(effective_priority(255, List{{-100, Verdict::Bad}}), 255);
}

TEST(Priority, IsUnchangedByAScriptOfWeightZeroWhichDecidesFitnessInstead) {
  EXPECT_EQ(effective_priority(100, List{{0, Verdict::Bad}}), 100);
  EXPECT_FALSE(fit_to_serve(List{{0, Verdict::Bad}}));
  EXPECT_FALSE(fit_to_serve(List{{0, Verdict::Unknown}})) << "not before it was seen good";
  EXPECT_TRUE(fit_to_serve(List{{0, Verdict::Good}, {2, Verdict::Bad}}));
  EXPECT_TRUE(fit_to_serve(List{}));
}

}  // namespace
}  // namespace hapair::vrrp
