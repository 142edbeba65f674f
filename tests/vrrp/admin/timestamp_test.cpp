#include "vrrp/admin/timestamp.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

TEST(Timestamp, IsOfUtcWithMilliseconds) {
  EXPECT_EQ(timestamp(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(timestamp(WallTime(1764225600s + 1999999ns)), "2025-11-27T06:40:00.001Z");
  EXPECT_EQ(timestamp(WallTime(-1ms)), "1969-12-31T23:59:59.999Z");
}

TEST(Timestamp, TellsSpansInTwoUnitsAtMost) {
  EXPECT_EQ(rough(0s), "0.0 s");
  EXPECT_EQ(rough(340ms), "0.3 s");
  EXPECT_EQ(rough(59900ms), "59 s");
  EXPECT_EQ(rough(3min), "3 min");
  EXPECT_EQ(rough(3min + 4s), "3 min 4 s");
  EXPECT_EQ(rough(2h + 5min + 59s), "2 h 5 min");
  EXPECT_EQ(rough(99h), "4 d 3 h");
  EXPECT_EQ(rough(-5s), "0.0 s") << "a clock that was set back";
}

}  // namespace
}  // namespace hapair::vrrp
