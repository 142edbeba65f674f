#include "common/clock.h"

#include <gtest/gtest.h>

namespace hapair {
namespace {

using namespace std::chrono_literals;

TEST(Duration, IsReadWithItsUnit) {
  EXPECT_EQ(parse_duration("250us"), Duration(250us));
  EXPECT_EQ(parse_duration("100ms"), Duration(100ms));
  EXPECT_EQ(parse_duration("5s"), Duration(5s));
  EXPECT_EQ(parse_duration("1m"), Duration(1min));
  EXPECT_EQ(parse_duration("2h"), Duration(2h));
  EXPECT_EQ(parse_duration("1d"), Duration(24h));
  EXPECT_EQ(parse_duration("0s"), Duration(0s));
}

TEST(Duration, TakesDecimalsExactly) {
  EXPECT_EQ(parse_duration("1.5s"), Duration(1500ms));
  EXPECT_EQ(parse_duration("1.1s"), Duration(1100ms));
  EXPECT_EQ(parse_duration("0.000001s"), Duration(1us));
  EXPECT_EQ(parse_duration("1.25m"), Duration(75s));
  EXPECT_EQ(parse_duration("0.5d"), Duration(12h));
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text : {"", "5", "-5s", "s", "5 s", "5x", "5S", "1.s", ".5s", "1e3s", "five",
                           "5s ", "99999999999999999999s", "9223372036854775807s", "106752d"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Duration, SaysWhatIsMissing) {
  EXPECT_EQ(parse_duration("5").error().message,
            "'5' has no unit: write \"5s\" for seconds, \"5ms\" for milliseconds");
  EXPECT_EQ(parse_duration("5sec").error().message,
            "'sec' is not a unit of time: one of us, ms, s, m, h or d");
}

TEST(Duration, IsWrittenAsItIsRead) {
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(2s), "2s");
  EXPECT_EQ(format_duration(1min), "1m");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(0s), "0s");
  for (const Duration duration : {Duration(1ns), Duration(1501ns), Duration(30010ns),
                                  Duration(999ms), Duration(36h), Duration(61s)})
    EXPECT_EQ(parse_duration(format_duration(duration)), duration) << format_duration(duration);
}

}  // namespace
}  // namespace hapair
