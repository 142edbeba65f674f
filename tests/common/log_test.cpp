#include "common/log.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "common/log_config.h"

namespace hapair {
namespace {

TEST(LogTarget, IsReadInEveryForm) {
  EXPECT_EQ(LogTarget::parse("udp:127.0.0.1:514")->address.to_string(), "127.0.0.1:514");
  EXPECT_EQ(LogTarget::parse("127.0.0.1:1514")->address.to_string(), "127.0.0.1:1514");
  EXPECT_EQ(LogTarget::parse("udp:127.0.0.1")->address.to_string(), "127.0.0.1:514");
  EXPECT_EQ(LogTarget::parse("udp:[::1]:514")->address.to_string(), "[::1]:514");
  EXPECT_EQ(LogTarget::parse("::1")->address.to_string(), "[::1]:514");
  EXPECT_EQ(LogTarget::parse("unix:/dev/log")->path, "/dev/log");
  EXPECT_EQ(LogTarget::parse("/dev/log")->transport, LogTarget::Transport::UnixDatagram);
  EXPECT_EQ(LogTarget::parse("stderr")->transport, LogTarget::Transport::Stderr);
  for (const char* text : {"", "udp:", "loghost:514", "udp:*:514", "unix:dev/log", "stdout"})
    EXPECT_FALSE(LogTarget::parse(text)) << text;
  EXPECT_FALSE(LogTarget::parse("/" + std::string(107, 'x')));
}

TEST(LogWords, AreHaProxysAndSyslogs) {
  EXPECT_EQ(parse_facility("local0"), 16);
  EXPECT_EQ(parse_facility("local7"), 23);
  EXPECT_EQ(parse_facility("daemon"), 3);
  EXPECT_EQ(parse_facility("authpriv"), 10);
  EXPECT_FALSE(parse_facility("local8"));
  EXPECT_EQ(parse_severity("emerg"), Severity::Emergency);
  EXPECT_EQ(parse_severity("err"), Severity::Error);
  EXPECT_EQ(parse_severity("error"), Severity::Error);
  EXPECT_EQ(parse_severity("info"), Severity::Info);
  EXPECT_FALSE(parse_severity("loud"));
}

TEST(Rfc3164Clock, WritesLocalTimeWithAPaddedDay) {
  setenv("TZ", "UTC0", 1);
  tzset();
  Rfc3164Clock clock;
  const WallTime epoch{};
  EXPECT_EQ(clock.stamp(epoch), "Jan  1 00:00:00");
  EXPECT_EQ(clock.stamp(epoch + std::chrono::seconds(1479696400)), "Nov 21 02:46:40");
  EXPECT_EQ(clock.stamp(epoch + std::chrono::milliseconds(1479696400999)), "Nov 21 02:46:40");
}

TEST(LogTargets, AreReadFromGlobal) {
  Diagnostics found;
  const auto document = parse_document(R"([[global.log]]
target = "udp:127.0.0.1:514"
facility = "local0"
[[global.log]]
target = "/dev/log"
level = "notice"
tag = "lb"
length = 2048
)",
                                       "t.toml", "", found);
  TableReader root(document.root, "", found);
  auto global = root.table("global");
  const auto targets = read_log_targets(*global);
  EXPECT_EQ(found.to_string(), "");
  ASSERT_EQ(targets.size(), 2U);
  EXPECT_EQ(targets[0].facility, 16);
  EXPECT_EQ(targets[0].level, Severity::Debug);
  EXPECT_EQ(targets[1].level, Severity::Notice);
  EXPECT_EQ(targets[1].tag, "lb");
  EXPECT_EQ(targets[1].length, 2048U);
}

TEST(LogTargets, TellTheirMistakes) {
  Diagnostics found;
  const auto document = parse_document(R"([[global.log]]
facility = "locl0"
[[global.log]]
target = "tcp:127.0.0.1"
level = "nottice"
)",
                                       "t.toml", "", found);
  TableReader root(document.root, "", found);
  auto global = root.table("global");
  read_log_targets(*global);
  EXPECT_EQ(found.to_string(), R"(t.toml:1:1: error: a log needs a target
    1 | [[global.log]]
      | ^ target = "udp:127.0.0.1:514"
t.toml:2:12: error: 'locl0' is not a syslog facility
    2 | facility = "locl0"
      |            ^ did you mean "local0"?
t.toml:4:10: error: 'tcp:127.0.0.1' is not a log target: "udp:ADDRESS:PORT", "unix:/dev/log" or "stderr"
    4 | target = "tcp:127.0.0.1"
      |          ^
t.toml:5:9: error: 'nottice' is not a log level
    5 | level = "nottice"
      |         ^ did you mean "notice"?
)");
}

}  // namespace
}  // namespace hapair
