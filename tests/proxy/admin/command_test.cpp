#include "proxy/admin/command.h"

#include <gtest/gtest.h>

namespace hapair::admin {
namespace {

using control::Level;

/// As the socket brings it: only what the level may do.
Result<Command> parsed(std::string_view text, Level level = Level::Admin) {
  control::Conversation conversation(verbs(), level, std::chrono::seconds(1));
  conversation.on_bytes(std::string(text) + "\n");
  const auto line = conversation.next();
  if (!line) return fail(Errc::Denied, "{}", conversation.output());
  return parse_command(*line, level);
}

template <typename T>
T command(std::string_view text) {
  const auto result = parsed(text);
  EXPECT_TRUE(result) << text << ": " << result.error().message;
  if (!result || !std::holds_alternative<T>(*result)) {
    ADD_FAILURE() << text;
    return {};
  }
  return std::get<T>(*result);
}

std::string refusal(std::string_view text, Level level = Level::Admin) {
  const auto result = parsed(text, level);
  return result ? "accepted" : result.error().message;
}

TEST(Command, ShowsInfoInSeveralFormats) {
  using stats::FigureFormat;
  EXPECT_EQ(command<ShowInfo>("show info").format, FigureFormat::Plain);
  EXPECT_EQ(command<ShowInfo>("show info typed").format, FigureFormat::Typed);
  EXPECT_EQ(command<ShowInfo>("show info json").format, FigureFormat::Json);
  EXPECT_TRUE(command<ShowInfo>("show info typed desc").described);
}

TEST(Command, SelectsStatistics) {
  const auto all = command<ShowStat>("show stat");
  EXPECT_TRUE(all.proxy.empty() && all.kinds == ~0u && !all.server && !all.up_only);
  const auto some = command<ShowStat>("show stat webservers 4 2 typed no-maint");
  EXPECT_EQ(some.proxy, "webservers");
  EXPECT_EQ(some.kinds, ShowStat::kServers);
  EXPECT_EQ(some.server, 2);
  EXPECT_EQ(some.format, ShowStat::Format::Typed);
  EXPECT_TRUE(some.no_maintenance);
  const auto any = command<ShowStat>("show stat -1 -1 -1 json up");
  EXPECT_TRUE(any.proxy.empty() && any.kinds == ~0u && !any.server && any.up_only);
  EXPECT_EQ(command<ShowStat>("show stat 1").proxy, "");  // not all three: as if there were none
}

TEST(Command, SelectsSessions) {
  const auto some = command<ShowSessions>("show sess older 90 server web/s1");
  EXPECT_EQ(some.older, std::chrono::seconds(90));
  EXPECT_EQ(some.server, (ServerName{"web", "s1"}));
  EXPECT_FALSE(some.detailed);
  EXPECT_EQ(command<ShowSessions>("show sess all older 5m").older, std::chrono::minutes(5));
  EXPECT_EQ(refusal("show sess server web"), "Require 'backend/server'.");
  for (const char* text : {"show sess older", "show sess older then"})
    EXPECT_TRUE(refusal(text).starts_with("Invalid age '")) << text;
  EXPECT_EQ(refusal("show sess foo"),
            "Unexpected 'foo'. Usage: show sess [<id>|all] [older <age>] [server <bk>/<srv>]");
}

TEST(Command, ChangesWeights) {
  const auto absolute = command<SetWeight>("set server web/s1 weight 256");
  EXPECT_EQ(absolute.server, (ServerName{"web", "s1"}));
  EXPECT_EQ(absolute.value, 256u);
  EXPECT_FALSE(absolute.relative);
  const auto relative = command<SetWeight>("set weight web/s1 50%");
  EXPECT_EQ(relative.value, 50u);
  EXPECT_TRUE(relative.relative);
  EXPECT_EQ(command<GetWeight>("get weight web/s1").server.server, "s1");
}

// HAProxy's own words where observed.
TEST(Command, RefusesWhatIsNoWeight) {
  EXPECT_EQ(refusal("set weight web/s1"), "Require <weight> or <weight%>.");
  EXPECT_EQ(refusal("set server web/s1 weight"), "Require <weight> or <weight%>.");
  for (const char* text : {"set weight web/s1 257", "set weight web/s1 -1"})
    EXPECT_EQ(refusal(text), "Absolute weight can only be between 0 and 256 inclusive.");
  EXPECT_EQ(refusal("set weight web/s1 abc"),
            "Invalid weight 'abc': a number, or a percentage of the initial one.");
  EXPECT_EQ(refusal("set weight web/s1 %"),
            "Invalid weight '%': a number, or a percentage of the initial one.");
  EXPECT_EQ(refusal("set weight web/s1 -5%"), "Relative weight can only be positive.");
  EXPECT_EQ(refusal("set weight web/s1 1 2"), "Unexpected '2'.");
}

TEST(Command, ChangesStates) {
  using To = SetState::To;
  EXPECT_EQ(command<SetState>("set server web/s1 state maint").to, To::Maintenance);
  EXPECT_EQ(command<SetState>("set server web/s1 state drain").to, To::Drain);
  EXPECT_EQ(command<SetState>("set server web/s1 state ready").to, To::Ready);
  EXPECT_EQ(command<SetState>("disable server web/s1").to, To::Maintenance);
  EXPECT_EQ(command<SetState>("enable server web/s1").to, To::Ready);
  for (const char* text : {"set server web/s1 state", "set server web/s1 state up"})
    EXPECT_EQ(refusal(text), "'set server <srv> state' expects 'ready', 'drain' and 'maint'.");
  EXPECT_EQ(refusal("set server web/s1 state maint now"), "Unexpected 'now'.");
}

TEST(Command, ChangesHealth) {
  using To = SetHealth::To;
  EXPECT_EQ(command<SetHealth>("set server web/s1 health up").to, To::Up);
  EXPECT_EQ(command<SetHealth>("set server web/s1 health stopping").to, To::Stopping);
  EXPECT_EQ(command<SetHealth>("set server web/s1 health down").to, To::Down);
  for (const char* text : {"set server web/s1 health", "set server web/s1 health fine"})
    EXPECT_EQ(refusal(text), "'set server <srv> health' expects 'up', 'stopping', or 'down'.");
}

TEST(Command, NeedsABackendAndAServer) {
  for (const char* text :
       {"set server", "set server web1 state maint", "set server /s weight 1", "set weight b/ 1",
        "get weight", "enable server", "disable server x", "set maxconn server x 1",
        "shutdown sessions server web"})
    EXPECT_EQ(refusal(text), "Require 'backend/server'.") << text;
  EXPECT_EQ(refusal("set server web/s1 frob"),
            "usage: set server <backend>/<server> addr | health | maxconn | state | weight");
}

TEST(Command, ChangesAddresses) {
  const auto moved = command<SetAddress>("set server web/s1 addr 127.0.0.2");
  EXPECT_EQ(moved.ip.to_string(), "127.0.0.2");
  EXPECT_FALSE(moved.port);
  EXPECT_EQ(command<SetAddress>("set server web/s1 addr ::1 port 8080").port, 8080);
  EXPECT_EQ(refusal("set server web/s1 addr"),
            "set server <b>/<s> addr requires an address and optionally a port.");
  EXPECT_EQ(refusal("set server web/s1 addr xyz"), "Invalid addr 'xyz' by 'stats socket command'");
  EXPECT_EQ(refusal("set server web/s1 addr 0.0.0.0"),
            "Invalid addr '0.0.0.0' by 'stats socket command'");
  // HAProxy takes 99999 for 34463 and does not mind "prt".
  for (const char* port : {"99999", "0", "abc", ""})
    EXPECT_EQ(refusal("set server web/s1 addr 127.0.0.1 port " + std::string(port)),
              fmt::format("Invalid port '{}': a number from 1 to 65535 is expected.", port));
  EXPECT_EQ(refusal("set server web/s1 addr 127.0.0.1 prt 80"), "Unexpected 'prt'.");
}

TEST(Command, ChangesLimits) {
  EXPECT_EQ(command<SetServerLimit>("set maxconn server web/s1 10").maxconn, 10u);
  EXPECT_EQ(command<SetServerLimit>("set server web/s1 maxconn 0").maxconn, 0u);
  EXPECT_EQ(command<SetFrontendLimit>("set maxconn frontend http-in 100").frontend, "http-in");
  EXPECT_EQ(command<SetProcessLimit>("set maxconn global 100").maxconn, 100u);
  EXPECT_EQ(refusal("set maxconn server web/s1"), "Require <maxconn>.");
  EXPECT_EQ(refusal("set maxconn frontend"), "A frontend name is expected.");
  EXPECT_EQ(refusal("set maxconn frontend http-in"), "Integer value expected.");
  EXPECT_EQ(refusal("set maxconn frontend http-in -5"), "Value out of range.");
  EXPECT_EQ(refusal("set maxconn global"), "Expects an integer value.");
  EXPECT_EQ(refusal("set maxconn global abc"), "Integer value expected.");
  EXPECT_EQ(refusal("set maxconn global 100000001"), "Value out of range.");
  EXPECT_NE(refusal("set maxconn").find("set maxconn frontend <frontend> <n>"), std::string::npos);
}

TEST(Command, ClearsCounters) {
  EXPECT_FALSE(command<ClearCounters>("clear counters").all);
  EXPECT_TRUE(command<ClearCounters>("clear counters all").all);
  EXPECT_EQ(refusal("clear counters", Level::Operator), "accepted");
  EXPECT_EQ(refusal("clear counters all", Level::Operator), "Permission denied");
  EXPECT_EQ(refusal("clear counters", Level::User), "Permission denied\n\n");
  EXPECT_EQ(refusal("clear counters most"), "'clear counters' takes 'all' or nothing, not 'most'.");
}

TEST(Command, NamesSessionsAsTheyAreShown) {
  EXPECT_FALSE(command<ShowSessions>("show sess").detailed);
  EXPECT_TRUE(command<ShowSessions>("show sess all").detailed);
  EXPECT_EQ(command<ShowSessions>("show sess 0x1f").id, 0x1fu);
  EXPECT_EQ(command<ShutdownSession>("shutdown session 0x1f").id, 0x1fu);
  EXPECT_EQ(command<ShutdownSessions>("shutdown sessions server web/s1").server.backend, "web");
  EXPECT_EQ(refusal("show sess 17"), "Session not found.");
  EXPECT_EQ(refusal("shutdown session"), "Session pointer expected (use 'show sess').");
  EXPECT_EQ(refusal("shutdown session 0xg"), "No such session (use 'show sess').");
}

TEST(Command, SelectsErrors) {
  const auto all = command<ShowErrors>("show errors");
  EXPECT_TRUE(all.proxy.empty() && all.requests && all.responses);
  const auto requests = command<ShowErrors>("show errors http-in request");
  EXPECT_EQ(requests.proxy, "http-in");
  EXPECT_TRUE(requests.requests && !requests.responses);
  const auto responses = command<ShowErrors>("show errors response");
  EXPECT_TRUE(responses.proxy.empty() && !responses.requests && responses.responses);
}

TEST(Command, SwitchesFrontends) {
  EXPECT_FALSE(command<SwitchFrontend>("disable frontend http-in").on);
  EXPECT_TRUE(command<SwitchFrontend>("enable frontend http-in").on);
  EXPECT_EQ(refusal("enable frontend"), "A frontend name is expected.");
}

TEST(Command, WarmsUpAll) {
  command<Warmup>("warmup");
  EXPECT_EQ(refusal("warmup web/s1"), "Unexpected 'web/s1'.");
}

TEST(Command, LeavesChangesToAdministrators) {
  for (const char* text :
       {"set server web/s1 state maint", "set weight web/s1 1", "enable server web/s1",
        "disable server web/s1", "set maxconn server web/s1 1", "set maxconn global 1",
        "set maxconn frontend f 1", "disable frontend f", "enable frontend f",
        "shutdown session 0x1", "shutdown sessions server web/s1", "warmup"})
    EXPECT_EQ(refusal(text, Level::Operator), "Permission denied\n\n") << text;
  for (const char* text : {"show sess", "show errors"})
    EXPECT_EQ(refusal(text, Level::User), "Permission denied\n\n") << text;
  for (const char* text : {"show info", "show stat", "show servers state", "get weight web/s1",
                           "show backend", "show version"})
    EXPECT_EQ(refusal(text, Level::User), "accepted") << text;
}

}  // namespace
}  // namespace hapair::admin
