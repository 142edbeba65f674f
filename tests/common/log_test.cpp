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
  EXPECT_EQ(LogTarget::parse("stdout")->transport, LogTarget::Transport::Stdout);
  EXPECT_EQ(LogTarget::parse("journald")->transport, LogTarget::Transport::Journal);
  EXPECT_EQ(LogTarget::parse("tcp:[::1]:6514")->transport, LogTarget::Transport::Tcp);
  EXPECT_EQ(LogTarget::parse("tcp:127.0.0.1")->address.to_string(), "127.0.0.1:514");
  EXPECT_EQ(LogTarget::parse("unix-stream:/run/x")->transport, LogTarget::Transport::UnixStream);
  EXPECT_EQ(LogTarget::parse("file:/var/log/x")->path, "/var/log/x");
  for (const char* text : {"", "udp:", "loghost:514", "udp:*:514", "unix:dev/log", "file:x", "tcp:/x",
                           "udp:127.0.0.1:0", "journal", "unix-stream:"})
    EXPECT_FALSE(LogTarget::parse(text)) << text;
  for (const char* text : {"udp:127.0.0.1:514", "tcp:[::1]:6514", "unix:/dev/log", "file:/x", "stdout",
                           "unix-stream:/run/x", "journald", "stderr"})
    EXPECT_EQ(LogTarget::parse(text)->name(), text);
  EXPECT_FALSE(LogTarget::parse("/" + std::string(107, 'x')));
}

TEST(LogSample, IsAShare) {
  EXPECT_EQ(parse_sample("1/10"), (LogTarget::Sample{1, 10}));
  EXPECT_EQ(parse_sample("3/3"), (LogTarget::Sample{3, 3}));
  for (const char* text : {"", "1", "0/10", "11/10", "1/0", "1/10/2", "-1/10", "1/1000001", "10%"})
    EXPECT_FALSE(parse_sample(text)) << text;
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
target = "tpc:127.0.0.1"
level = "nottice"
[[global.log]]
target = "udp:127.0.0.1"
framing = "lines"
format = "rfc5425"
sample = "10%"
level = "err"
min_level = "notice"
[[global.log]]
target = "journald"
format = "raw"
tag = "a:b"
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
t.toml:4:10: error: 'tpc:127.0.0.1' is not a log target: "udp:ADDRESS:PORT", "tcp:ADDRESS:PORT", "unix:/dev/log", "unix-stream:/PATH", "file:/PATH", "stderr", "stdout" or "journald"
    4 | target = "tpc:127.0.0.1"
      |          ^
t.toml:5:9: error: 'nottice' is not a log level
    5 | level = "nottice"
      |         ^ did you mean "notice"?
t.toml:8:11: error: udp:127.0.0.1:514 is no stream: it needs no framing
    8 | framing = "lines"
      |           ^ for "tcp:…" and "unix-stream:…"
t.toml:9:10: error: unknown format "rfc5425"
    9 | format = "rfc5425"
      |          ^ did you mean "rfc5424"?
t.toml:10:10: error: '10%' is not a share of the lines, as in "1/10"
   10 | sample = "10%"
      |          ^
t.toml:12:13: error: min_level "notice" is less severe than level "err"
   12 | min_level = "notice"
      |             ^ graver lines are sent as min_level; lines below level are not sent
t.toml:15:10: error: journald takes fields, not a line with a header
   15 | format = "raw"
      |          ^ leave format out
t.toml:16:7: error: a syslog tag is one ASCII word of at most 48 bytes without brackets or colons
   16 | tag = "a:b"
      |       ^
)");
}

}  // namespace
}  // namespace hapair
