#include "ctl/status.h"

#include <gtest/gtest.h>

namespace hapair::ctl {
namespace {

TEST(Status, TakesTheVerdictFromWhatIsTold) {
  const auto well = read_status("ok\n\nhap1: all is well\nVI_1 is MASTER\n\n");
  ASSERT_TRUE(well);
  EXPECT_TRUE(well->is_well);
  EXPECT_EQ(well->text, "hap1: all is well\nVI_1 is MASTER\n");
  const auto wrong = read_status("VI_1 is FAULT: x\nVI_2 is FAULT: y\n\nhap1: VI_1 …\n\n");
  ASSERT_TRUE(wrong);
  EXPECT_FALSE(wrong->is_well);
  EXPECT_EQ(wrong->text, "hap1: VI_1 …\n");
}

TEST(Status, KnowsWhenItAskedSomebodyElse) {
  for (const char* answer : {"", "ok", "ok\n\nhalf of an ans", "HTTP/1.0 400 Bad Request\r\n\r\n",
                             "Unknown command, but maybe …\n\nUnknown command, but maybe …\n\n"})
    EXPECT_FALSE(read_status(answer)) << answer;
}

}  // namespace
}  // namespace hapair::ctl
