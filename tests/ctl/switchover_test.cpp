#include "ctl/switchover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hapair::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Switchover, KnowsWhatWasAskedAndWhatWasNot) {
  const Asked asked = read_asked(
      "VI_1: asked hap2 to take over\nVI 2: asked hap2 to take over\n"
      "VI_3: nothing changes: hap2 cannot serve VI_3: interface eth1 is down\n\n");
  EXPECT_THAT(asked.instances, ElementsAre("VI_1", "VI 2"));
  EXPECT_EQ(asked.other, "hap2");
  EXPECT_EQ(asked.refusals,
            "VI_3: nothing changes: hap2 cannot serve VI_3: interface eth1 is down\n");
}

TEST(Switchover, TakesEveryOtherAnswerForARefusal) {
  for (const char* answer : {"No instance is master here.\n\n", "Permission denied\n\n"}) {
    const Asked asked = read_asked(answer);
    EXPECT_THAT(asked.instances, IsEmpty());
    EXPECT_EQ(asked.refusals + "\n", answer);
  }
}

TEST(Switchover, ReadsWhoIsMaster) {
  const auto here =
      read_role("VI_1 is MASTER since 2026\n    master     hap1 (192.168.50.11)\n\n", "VI_1");
  ASSERT_TRUE(here);
  EXPECT_TRUE(here->is_master);
  EXPECT_EQ(here->master, "hap1");
  const auto there = read_role(
      "VI_1 is BACKUP since 2026\n    master     hap2 (192.168.50.12)\n    handover   2026 handing "
      "over\n\n",
      "VI_1");
  ASSERT_TRUE(there);
  EXPECT_FALSE(there->is_master);
  EXPECT_EQ(there->master, "hap2");
  EXPECT_EQ(there->handover, "2026 handing over");
  const auto between = read_role("VI_1 is BACKUP\n    master     nobody is known\n\n", "VI_1");
  ASSERT_TRUE(between);
  EXPECT_EQ(between->master, "");
  EXPECT_FALSE(read_role("No such instance.\n\n", "VI_1"));
}

}  // namespace
}  // namespace hapair::ctl
