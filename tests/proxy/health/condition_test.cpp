#include "proxy/health/condition.h"

#include <gtest/gtest.h>

namespace hapair::health {
namespace {

TEST(Condition, WithoutAnyReasonTakesEverything) {
  EXPECT_TRUE(Condition().takes_new());
  EXPECT_TRUE(Condition().serves_tied());
  EXPECT_EQ(Condition().health(), Health::Up);
}

TEST(Condition, UnprovenServesNobody) {
  const Condition fresh(Condition::kUnproven);
  EXPECT_FALSE(fresh.serves_tied());
  EXPECT_EQ(fresh.health(), Health::Unknown);
}

TEST(Condition, DrainAndStoppingKeepTheTied) {
  for (const auto reason : {Condition::kForcedDrain, Condition::kInheritedDrain, Condition::kStopping}) {
    EXPECT_TRUE(Condition(reason).serves_tied()) << reason;
    EXPECT_FALSE(Condition(reason).takes_new()) << reason;
    EXPECT_EQ(Condition(reason).health(), Health::Up) << reason;
  }
}

TEST(Condition, MaintenanceHidesNeitherHealthNorDrain) {
  const auto maint = Condition(Condition::kForcedDrain | Condition::kCheckDown).with(Condition::kForcedMaint);
  EXPECT_FALSE(maint.serves_tied());
  const auto left = maint.without(Condition::kForcedMaint);
  EXPECT_TRUE(left.draining());
  EXPECT_EQ(left.health(), Health::Down);
}

TEST(Condition, EitherOfCheckAndAgentTakesItDown) {
  auto both = Condition(Condition::kCheckDown | Condition::kAgentDown);
  both = both.without(Condition::kCheckDown);
  EXPECT_FALSE(both.serves_tied());
  EXPECT_TRUE(both.without(Condition::kAgentDown).takes_new());
}

TEST(Condition, ATrackingServerInheritsWhatItsTrackedOneIs) {
  EXPECT_EQ(Condition().inherited(), Condition());
  EXPECT_EQ(Condition(Condition::kForcedMaint).inherited(), Condition(Condition::kInheritedMaint));
  EXPECT_EQ(Condition(Condition::kInheritedDrain).inherited(), Condition(Condition::kInheritedDrain));
  EXPECT_EQ(Condition(Condition::kAgentDown).inherited(), Condition(Condition::kTrackedDown));
  EXPECT_EQ(Condition(Condition::kUnproven).inherited(), Condition(Condition::kUnproven));
  EXPECT_EQ(Condition(Condition::kStopping).inherited(), Condition(Condition::kStopping));
}

TEST(Condition, AdminIsHaproxysNumber) {
  const auto condition = Condition(Condition::kForcedMaint | Condition::kForcedDrain | Condition::kCheckDown);
  EXPECT_EQ(condition.admin(), 9u);
}

}  // namespace
}  // namespace hapair::health
