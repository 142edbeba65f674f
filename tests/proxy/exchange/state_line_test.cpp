#include "proxy/exchange/state_line.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cerrno>

namespace hapair::exchange {
namespace {

using namespace std::chrono_literals;
using health::Condition;
using health::ProbeStatus;

constexpr Condition kUp{};
constexpr Condition kDown{Condition::kCheckDown};

/// The one line of a change.
StateLine line_of(ServerChange change, Condition before, Condition after,
                  const health::ProbeResult& probe) {
  change.before = before;
  change.after = after;
  change.cause.probe = &probe;
  const auto lines = server_lines(change);
  EXPECT_EQ(lines.size(), 1U);
  return lines.empty() ? StateLine{} : lines.front();
}

/// All lines of a change without a probe, severities before them as syslog numbers them.
std::string told(ServerChange change, std::uint32_t before, std::uint32_t after,
                 std::string_view via = {}) {
  change.before = Condition(before);
  change.after = Condition(after);
  change.cause.via = via;
  std::string all;
  for (const StateLine& line : server_lines(change))
    all += fmt::format("<{}> {}\n", static_cast<int>(line.severity), line.text);
  return all;
}

TEST(StateLine, SaysWhyAServerWentDown) {
  const StateLine line =
      line_of({.backend = "ins", .server = "lamp1", .active_left = 1}, kUp, kDown,
              {.status = ProbeStatus::L7Status, .code = 404, .info = "Not Found"});
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
      line_of({.backend = "be", .server = "refuse", .active_left = 6}, kUp, kDown, cause).text,
      "Server be/refuse is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", "
      "check "
      "duration: 1ms. 6 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 "
      "remaining in "
      "queue.");
}

TEST(StateLine, CountsWhatTheServerLeavesBehind) {
  health::ProbeResult cause{.status = health::ProbeStatus::L7Timeout};
  cause.duration = 502ms;
  EXPECT_EQ(
      line_of({.backend = "be",
               .server = "hang",
               .backup_left = 1,
               .sessions = 3,
               .requeued = 2,
               .queued = 5},
              kUp, kDown, cause)
          .text,
      "Server be/hang is DOWN, reason: Layer7 timeout, check duration: 502ms. 0 active and 1 "
      "backup "
      "servers left. Running on backup. 3 sessions active, 2 requeued, 5 remaining in queue.");
}

TEST(StateLine, SaysThatAServerIsBack) {
  const StateLine line = line_of({.backend = "webservers", .server = "web1", .active_left = 1},
                                 kDown, kUp, {.status = ProbeStatus::L7Ok, .code = 200});
  EXPECT_EQ(line.severity, Severity::Notice);
  EXPECT_EQ(line.text,
            "Server webservers/web1 is UP, reason: Layer7 check passed, code: 200, check duration: "
            "0ms. 1 "
            "active and 0 backup servers online. 0 sessions requeued, 0 total in queue.");
}

TEST(StateLine, TellsNothingOfAServerFoundWellAtTheStart) {
  EXPECT_EQ(told({}, Condition::kUnproven, 0), "");
  EXPECT_NE(told({}, Condition::kUnproven, Condition::kCheckDown), "");
}

TEST(StateLine, SaysWhenACheckAsksToBeLeftAlone) {
  const health::ProbeResult probe{.status = ProbeStatus::L7OkConditional, .code = 404};
  const auto line = line_of({.backend = "ins", .server = "l1", .backup_left = 1}, kUp,
                            Condition(Condition::kStopping), probe);
  EXPECT_EQ(line.severity, Severity::Notice);
  EXPECT_EQ(line.text,
            "Server ins/l1 is stopping, reason: Layer7 check conditionally passed, code: 404, check "
            "duration: 0ms. 0 active and 1 backup servers online. Running on backup. 0 sessions "
            "requeued, 0 total in queue.");
  EXPECT_EQ(line_of({}, Condition(Condition::kStopping), kDown, probe).severity, Severity::Notice);
  EXPECT_NE(line_of({}, Condition(Condition::kStopping), kUp, probe).text.find(" is UP, "),
            std::string::npos);
}

TEST(StateLine, AnObservationHasNoDuration) {
  EXPECT_EQ(line_of({.backend = "obs", .server = "o1", .active_left = 1, .sessions = 1}, kUp, kDown,
                    {.status = ProbeStatus::Observed,
                     .info = "Detected 3 consecutive errors, last one was: Wrong http response"})
                .text,
            "Server obs/o1 is DOWN, reason: Health analyze, info: \"Detected 3 consecutive errors, "
            "last one was: Wrong http response\". 1 active and 0 backup servers left. 1 sessions "
            "active, 0 requeued, 0 remaining in queue.");
}

// Captured from HAProxy 2.6.
TEST(StateLine, TellsOfMaintenanceAndDrainAsHaproxy) {
  const ServerChange ins{.backend = "ins", .server = "l1", .backup_left = 1};
  EXPECT_EQ(told(ins, 0, Condition::kForcedMaint),
            "<1> Server ins/l1 is going DOWN for maintenance. 0 active and 1 backup servers left. "
            "Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue.\n");
  EXPECT_EQ(told(ins, Condition::kForcedMaint, Condition::kForcedDrain),
            "<5> Server ins/l1 is UP/DRAIN (leaving forced maintenance).\n"
            "<5> Server ins/l1 remains in forced drain mode.\n");
  EXPECT_EQ(told(ins, Condition::kForcedDrain, 0),
            "<5> Server ins/l1 is UP (leaving forced drain).\n");
  EXPECT_EQ(told(ins, 0, Condition::kForcedDrain),
            "<5> Server ins/l1 enters drain state. 0 active and 1 backup servers online. Running on "
            "backup. 0 sessions requeued, 0 total in queue.\n");
  EXPECT_EQ(told(ins, Condition::kForcedDrain, Condition::kForcedMaint),
            "<5> Server ins/l1 is going DOWN for maintenance. 0 active and 1 backup servers left. "
            "Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue.\n");
  EXPECT_EQ(told(ins, Condition::kForcedMaint, 0),
            "<5> Server ins/l1 is UP/READY (leaving forced maintenance).\n");
  EXPECT_EQ(told(ins, Condition::kForcedMaint | Condition::kCheckDown, Condition::kCheckDown),
            "<5> Server ins/l1 is DOWN/READY (leaving forced maintenance).\n");
  EXPECT_EQ(told(ins, Condition::kCheckDown, Condition::kCheckDown | Condition::kForcedMaint),
            "<5> Server ins/l1 was DOWN and now enters maintenance.\n");
}

TEST(StateLine, NamesTheServerThatIsTracked) {
  const ServerChange tracker{.backend = "tr", .server = "t2", .active_left = 1};
  EXPECT_EQ(told(tracker, 0, Condition::kTrackedDown, "ins/l1"),
            "<1> Server tr/t2 is DOWN via ins/l1. 1 active and 0 backup servers left. 0 sessions "
            "active, 0 requeued, 0 remaining in queue.\n");
  EXPECT_EQ(told(tracker, 0, Condition::kStopping, "ins/l1"),
            "<5> Server tr/t2 is stopping via ins/l1. 1 active and 0 backup servers online. 0 "
            "sessions requeued, 0 total in queue.\n");
  EXPECT_EQ(told(tracker, 0, Condition::kInheritedMaint, "ins/l1"),
            "<1> Server tr/t2 is going DOWN for maintenance via ins/l1. 1 active and 0 backup "
            "servers left. 0 sessions active, 0 requeued, 0 remaining in queue.\n");
  EXPECT_EQ(told(tracker, Condition::kInheritedMaint | Condition::kForcedMaint,
                 Condition::kInheritedMaint, "ins/l1"),
            "<5> Server tr/t2 is leaving forced maintenance but remains in maintenance via ins/l1.\n");
}

TEST(StateLine, SaysWhoChangedItWhereNoProbeDid) {
  ServerChange change{.backend = "ag", .server = "a1", .before = kUp, .after = kDown};
  change.cause.words = "changed from CLI";
  EXPECT_EQ(server_lines(change).front().text,
            "Server ag/a1 is DOWN, changed from CLI. 0 active and 0 backup servers left. 0 sessions "
            "active, 0 requeued, 0 remaining in queue.");
}

TEST(StateLine, CriesWhenNoServerIsLeft) {
  const StateLine line = no_server_available("webservers", false);
  EXPECT_EQ(line.severity, Severity::Emergency);
  EXPECT_EQ(line.text, "backend webservers has no server available!");
  EXPECT_EQ(no_server_available("lt", true).text, "proxy lt has no server available!");
}

TEST(StateLine, EscapesTheServersWords) {
  const auto line = line_of(
      {}, kUp, kDown, {.status = ProbeStatus::L7Status, .code = 500, .info = "x\"\r\n<128>"});
  EXPECT_NE(line.text.find("info: \"x<22><0D><0A><3C>128<3E>\""), std::string::npos);
}

TEST(StateLine, SaysFarewell) {
  const StateLine line = proxy_stopped("http-in", 7, 0);
  EXPECT_EQ(line.severity, Severity::Warning);
  EXPECT_EQ(line.text, "Proxy http-in stopped (cumulated conns: FE: 7, BE: 0).");
}

TEST(StateLine, SaysThatAFrontendIsClosed) {
  EXPECT_EQ(frontend_paused("http-in", false).text, "Paused frontend http-in.");
  EXPECT_EQ(frontend_paused("tcpl", true).text, "Paused proxy tcpl.");
  EXPECT_EQ(frontend_resumed("http-in", false).text, "Resumed frontend http-in.");
  EXPECT_EQ(frontend_resumed("http-in", false).severity, Severity::Warning);
}

}  // namespace
}  // namespace hapair::exchange
