#include "common/log_form.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace hapair {
namespace {

using namespace std::chrono_literals;
using Format = LogTarget::Format;
using Transport = LogTarget::Transport;

// Nov 21 02:56:40.034 UTC
constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 2h + 56min +
                        40s + 34ms};

class LogLine : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("TZ", "UTC0", 1);
    tzset();
  }
  static std::string write(LogForm& form, Severity severity, WallTime now, std::string_view text,
                           std::string_view fields = {}) {
    std::string line(form.overhead() + text.size() + fields.size(), '?');
    char* const end = put_cleaned(form.begin(line.data(), severity, now), text);
    line.resize(form.finish(line.data(), end, fields));
    return line;
  }
  static std::string write(const LogTarget& target, Severity severity, std::string_view text,
                           std::string_view fields = {}) {
    LogForm form(target, {.tag = "hapair-proxy", .host = "hap1", .pid = 42});
    return write(form, severity, kNow, text, fields);
  }
};

TEST_F(LogLine, HasPriorityStampAndTag) {
  EXPECT_EQ(write({.facility = 16}, Severity::Info, "hello"),
            "<134>Nov 21 02:56:40 hapair-proxy[42]: hello");
  EXPECT_EQ(write({.facility = 3, .tag = "lb"}, Severity::Emergency, ""),
            "<24>Nov 21 02:56:40 lb[42]: ");
}

TEST_F(LogLine, NamesItsHostWhereSomebodyAsks) {
  EXPECT_EQ(write({.format = Format::Rfc3164, .facility = 16}, Severity::Info, "hello"),
            "<134>Nov 21 02:56:40 hap1 hapair-proxy[42]: hello");
}

TEST_F(LogLine, IsThatOfRfc5424) {
  EXPECT_EQ(write({.format = Format::Rfc5424, .facility = 16}, Severity::Info, "hello"),
            "<134>1 2026-11-21T02:56:40.034+00:00 hap1 hapair-proxy 42 - - hello");
  LogForm form({.format = Format::Rfc5424, .facility = 16}, {.tag = "t", .host = "", .pid = 1});
  write(form, Severity::Info, kNow, "a");
  EXPECT_EQ(write(form, Severity::Info, kNow + 907ms, "b"),
            "<134>1 2026-11-21T02:56:40.941+00:00 - t 1 - - b");
  setenv("TZ", "XXX+3:30", 1);
  tzset();
  EXPECT_EQ(write(form, Severity::Info, kNow + 1s, "c"),
            "<134>1 2026-11-20T23:26:41.034-03:30 - t 1 - - c");
  setenv("TZ", "UTC0", 1);
  tzset();
}

TEST_F(LogLine, IsTheTextAloneIfSomebodyWantsIt) {
  EXPECT_EQ(write({.format = Format::Raw}, Severity::Info, "{}"), "{}");
  EXPECT_EQ(write({.transport = Transport::File, .format = Format::Raw}, Severity::Info, "{}"), "{}\n");
}

TEST_F(LogLine, IsToldFromTheNextOnAStream) {
  const LogTarget octets{.transport = Transport::Tcp, .format = Format::Raw};
  for (const std::size_t size : {0U, 9U, 10U, 99U, 100U, 999U, 1000U, 1024U}) {
    const std::string text(size, 'x');
    EXPECT_EQ(write(octets, Severity::Info, text), std::to_string(size) + " " + text);
  }
  EXPECT_EQ(write({.transport = Transport::UnixStream, .framing = LogTarget::Framing::Lines, .tag = "t"},
                  Severity::Info, "hello"),
            "<30>Nov 21 02:56:40 t[42]: hello\n");
}

TEST_F(LogLine, OnAStreamIsCutBeforeItIsCounted) {
  const std::string line = write({.transport = Transport::Tcp, .length = 80}, Severity::Info,
                                 std::string(500, 'x'));
  EXPECT_TRUE(line.starts_with("80 <30>Nov")) << line;
  EXPECT_EQ(line.size(), 83U);
}

TEST_F(LogLine, IsFieldsForTheJournal) {
  EXPECT_EQ(write({.transport = Transport::Journal, .facility = 16}, Severity::Info, "hello"),
            "PRIORITY=6\nSYSLOG_FACILITY=16\nSYSLOG_IDENTIFIER=hapair-proxy\nSYSLOG_PID=42\n"
            "MESSAGE=hello\n");
  const std::string cut = write({.transport = Transport::Journal, .length = 80}, Severity::Info,
                                std::string(500, 'x'));
  EXPECT_TRUE(cut.ends_with("MESSAGE=" + std::string(80, 'x') + "\n")) << cut;
  EXPECT_TRUE(write({.transport = Transport::Journal}, Severity::Info, "a\nPRIORITY=0")
                  .ends_with("MESSAGE=a#PRIORITY=0\n"));
  EXPECT_TRUE(write({.transport = Transport::Journal, .length = 80}, Severity::Info,
                    std::string(500, 'x'), "HAPAIR_STATE=MASTER\n")
                  .ends_with("xxx\nHAPAIR_STATE=MASTER\n"));
  EXPECT_TRUE(write({}, Severity::Info, "a", "HAPAIR_STATE=MASTER\n").ends_with(": a"));
}

TEST(LogFields, AreLinesWithoutControlBytes) {
  const LogField fields[] = {{"HAPAIR_INSTANCE", "VI_1"}, {"HAPAIR_CAUSE", "a\nMESSAGE=b"}};
  EXPECT_EQ(field_lines(fields), "HAPAIR_INSTANCE=VI_1\nHAPAIR_CAUSE=a#MESSAGE=b\n");
  EXPECT_EQ(field_lines({}), "");
}

TEST_F(LogLine, IsNoGraverThanItsTargetBears) {
  EXPECT_TRUE(write({.facility = 16, .min_level = Severity::Error}, Severity::Emergency, "")
                  .starts_with("<131>"));
  EXPECT_TRUE(write({.facility = 16, .min_level = Severity::Error}, Severity::Info, "")
                  .starts_with("<134>"));
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
