#include "proxy/exchange/state_line.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace hapair::exchange {
namespace {

using namespace std::chrono_literals;
using health::ProbeStatus;

TEST(StateLine, SaysWhyAServerWentDown) {
  const StateLine line =
      server_down({.backend = "ins",
                   .server = "lamp1",
                   .cause = {.status = ProbeStatus::L7Status, .code = 404, .info = "Not Found"},
                   .active_left = 1});
  EXPECT_EQ(line.severity, Severity::Alert);
  EXPECT_EQ(line.text,
            "Server ins/lamp1 is DOWN, reason: Layer7 wrong status, code: 404, info: \"Not "
            "Found\", check "
            "duration: 0ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 "
            "remaining in "
            "queue.");
}

TEST(StateLine, NamesTheKernelsReason) {
  health::ProbeResult cause = health::connect_failed(ECONNREFUSED);
  cause.duration = 1900us;
  EXPECT_EQ(
      server_down({.backend = "be", .server = "refuse", .cause = cause, .active_left = 6}).text,
      "Server be/refuse is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", "
      "check "
      "duration: 1ms. 6 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 "
      "remaining in "
      "queue.");
}

TEST(StateLine, CountsWhatTheServerLeavesBehind) {
  health::ProbeResult cause = health::timed_out(true);
  cause.duration = 502ms;
  EXPECT_EQ(
      server_down({.backend = "be",
                   .server = "hang",
                   .cause = cause,
                   .backup_left = 1,
                   .sessions = 3,
                   .requeued = 2,
                   .queued = 5})
          .text,
      "Server be/hang is DOWN, reason: Layer7 timeout, check duration: 502ms. 0 active and 1 "
      "backup "
      "servers left. Running on backup. 3 sessions active, 2 requeued, 5 remaining in queue.");
}

TEST(StateLine, SaysThatAServerIsBack) {
  const StateLine line = server_up({.backend = "webservers",
                                    .server = "web1",
                                    .cause = {.status = ProbeStatus::L7Ok, .code = 200},
                                    .active_left = 1});
  EXPECT_EQ(line.severity, Severity::Notice);
  EXPECT_EQ(line.text,
            "Server webservers/web1 is UP, reason: Layer7 check passed, code: 200, check duration: "
            "0ms. 1 "
            "active and 0 backup servers online. 0 sessions requeued, 0 total in queue.");
}

TEST(StateLine, CriesWhenNoServerIsLeft) {
  const StateLine line = no_server_available("webservers", false);
  EXPECT_EQ(line.severity, Severity::Emergency);
  EXPECT_EQ(line.text, "backend webservers has no server available!");
  EXPECT_EQ(no_server_available("lt", true).text, "proxy lt has no server available!");
}

TEST(StateLine, EscapesTheServersWords) {
  const auto line = server_down(
      {.cause = {.status = ProbeStatus::L7Status, .code = 500, .info = "x\"\r\n<128>"}});
  EXPECT_NE(line.text.find("info: \"x#22#0D#0A<128>\""), std::string::npos);
}

TEST(StateLine, SaysFarewell) {
  const StateLine line = proxy_stopped("http-in", 7, 0);
  EXPECT_EQ(line.severity, Severity::Warning);
  EXPECT_EQ(line.text, "Proxy http-in stopped (cumulated conns: FE: 7, BE: 0).");
}

}  // namespace
}  // namespace hapair::exchange
