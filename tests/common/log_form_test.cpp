#include "common/log_form.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace hapair {
namespace {

using namespace std::chrono_literals;

// Nov 21 02:56:40.034 UTC
constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 2h + 56min +
                        40s + 34ms};

class LogLine : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("TZ", "UTC0", 1);
    tzset();
  }
  static std::string write(LogForm& form, Severity severity, WallTime now, std::string_view text) {
    std::string line(form.overhead() + text.size(), '?');
    char* const end = put_cleaned(form.begin(line.data(), severity, now), text);
    line.resize(form.finish(line.data(), end));
    return line;
  }
  static std::string write(const LogTarget& target, Severity severity, std::string_view text) {
    LogForm form(target, {.tag = "hapair-proxy", .pid = 42});
    return write(form, severity, kNow, text);
  }
};

TEST_F(LogLine, HasPriorityStampAndTag) {
  EXPECT_EQ(write({.facility = 16}, Severity::Info, "hello"),
            "<134>Nov 21 02:56:40 hapair-proxy[42]: hello");
  EXPECT_EQ(write({.facility = 3, .tag = "lb"}, Severity::Emergency, ""),
            "<24>Nov 21 02:56:40 lb[42]: ");
}

TEST_F(LogLine, ForPeopleHasNoPriority) {
  EXPECT_EQ(write({.transport = LogTarget::Transport::Stderr}, Severity::Info, "hello"),
            "Nov 21 02:56:40 hapair-proxy[42]: hello\n");
}

TEST_F(LogLine, CannotBeForged) {
  EXPECT_EQ(write({.tag = "t"}, Severity::Info, "a\nb\r\x1b[0m\x7f\tc"),
            "<30>Nov 21 02:56:40 t[42]: a#b##[0m##c");
}

TEST_F(LogLine, IsCutToTheLengthOfItsTarget) {
  const std::string text(500, 'x');
  EXPECT_EQ(write({.length = 80}, Severity::Info, text).size(), 80U);
  const std::string line =
      write({.transport = LogTarget::Transport::Stderr, .length = 80}, Severity::Info, text);
  EXPECT_EQ(line.size(), 81U);
  EXPECT_TRUE(line.ends_with("x\n"));
}

TEST_F(LogLine, KeepsUpWithTimeAndSeverity) {
  LogForm form({.tag = "t"}, {});
  EXPECT_EQ(write(form, Severity::Info, kNow, "a"), "<30>Nov 21 02:56:40 t[0]: a");
  EXPECT_EQ(write(form, Severity::Alert, kNow + 900ms, "b"), "<25>Nov 21 02:56:40 t[0]: b");
  EXPECT_EQ(write(form, Severity::Info, kNow + 1s, "c"), "<30>Nov 21 02:56:41 t[0]: c");
  EXPECT_EQ(write(form, Severity::Info, kNow, "d"), "<30>Nov 21 02:56:40 t[0]: d");
}

}  // namespace
}  // namespace hapair
