#include "proxy/admin/command.h"

#include <algorithm>
#include <array>

#include "common/text.h"

namespace hapair::admin {
namespace {

using control::Level;
using control::Verb;
using Words = std::span<const std::string>;
/// `words` are all of the line's; the verb's own are the first.
using Parse = Result<Command> (*)(Words words, Level level);

constexpr unsigned kHeaviest = 256;
constexpr unsigned kMostConnections = 100'000'000;

std::string_view at(Words words, std::size_t index) {
  return index < words.size() ? std::string_view(words[index]) : std::string_view{};
}

bool has(Words words, std::string_view option) {
  return std::find(words.begin(), words.end(), option) != words.end();
}

tl::unexpected<Error> refuse(std::string_view text) { return fail(Errc::Syntax, "{}", text); }

/// Commands that change things understand all they are told, or do nothing.
Result<void> expect_end(Words words, std::size_t count) {
  if (words.size() <= count) return {};
  return fail(Errc::Syntax, "Unexpected '{}'.", words[count]);
}

Result<ServerName> server_name(Words words, std::size_t index) {
  const std::string_view text = at(words, index);
  const auto slash = text.find('/');
  if (slash == text.npos || slash == 0 || slash + 1 == text.size())
    return refuse("Require 'backend/server'.");
  return ServerName{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

/// "0x1f", as `show sess` writes it.
std::optional<std::uint64_t> session_id(std::string_view text) {
  if (!text.starts_with("0x")) return std::nullopt;
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), id, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return id;
}

/// A bare number is seconds.
std::optional<Duration> age_of(std::string_view text) {
  if (const auto seconds = parse_number<std::uint32_t>(text)) return std::chrono::seconds(*seconds);
  const auto age = parse_duration(text);
  return age ? std::optional(*age) : std::nullopt;
}

Result<Command> show_info(Words words, Level) {
  ShowInfo command;
  if (has(words, "typed")) command.format = stats::FigureFormat::Typed;
  if (has(words, "json")) command.format = stats::FigureFormat::Json;
  command.described = has(words, "desc");
  return command;
}

Result<Command> show_stat(Words words, Level) {
  ShowStat command;
  if (has(words, "typed")) command.format = ShowStat::Format::Typed;
  if (has(words, "json")) command.format = ShowStat::Format::Json;
  command.up_only = has(words, "up");
  command.no_maintenance = has(words, "no-maint");
  // {iid|px} type sid: all three, or none.
  const auto kinds = parse_number<std::int64_t>(at(words, 3));
  const auto server = parse_number<std::int64_t>(at(words, 4));
  if (!kinds || !server) return command;
  if (words[2] != "-1") command.proxy = words[2];
  if (*kinds >= 0) command.kinds = static_cast<unsigned>(*kinds);
  if (*server >= 0) command.server = *server;
  return command;
}

Result<Command> show_servers_state(Words words, Level) {
  return ShowServersState{std::string(at(words, 3))};
}

Result<Command> show_sess(Words words, Level) {
  ShowSessions command;
  for (std::size_t i = 2; i < words.size(); ++i) {
    if (words[i] == "all") {
      command.detailed = true;
    } else if (words[i] == "older") {
      const auto age = age_of(at(words, ++i));
      if (!age)
        return fail(Errc::Syntax, "Invalid age '{}': seconds, or a number with a unit (90s, 5m).",
                    at(words, i));
      command.older = *age;
    } else if (words[i] == "server") {
      auto server = server_name(words, ++i);
      if (!server) return tl::make_unexpected(server.error());
      command.server = *std::move(server);
    } else if (words[i].find_first_of("0123456789") == 0) {
      command.id = session_id(words[i]);
      if (!command.id) return refuse("Session not found.");
      command.detailed = true;
    } else {
      return fail(Errc::Syntax,
                  "Unexpected '{}'. Usage: show sess [<id>|all] [older <age>] [server <bk>/<srv>]",
                  words[i]);
    }
  }
  return command;
}

Result<Command> show_errors(Words words, Level) {
  ShowErrors command;
  std::size_t next = 2;
  if (const auto word = at(words, next); !word.empty() && word != "request" && word != "response")
    command.proxy = words[next++];
  if (command.proxy == "-1") command.proxy.clear();
  command.responses = at(words, next) != "request";
  command.requests = at(words, next) != "response";
  return command;
}

Result<Command> show_backend(Words, Level) { return ShowBackends{}; }
Result<Command> show_version(Words, Level) { return ShowVersion{}; }

Result<Command> get_weight(Words words, Level) {
  auto server = server_name(words, 2);
  if (!server) return tl::make_unexpected(server.error());
  return GetWeight{*std::move(server)};
}

/// The weight at words[index], which is the last.
Result<Command> weight(ServerName server, Words words, std::size_t index) {
  std::string_view text = at(words, index);
  if (text.empty()) return refuse("Require <weight> or <weight%>.");
  if (auto end = expect_end(words, index + 1); !end) return tl::make_unexpected(end.error());
  SetWeight command{.server = std::move(server)};
  if (text.ends_with('%')) {
    command.relative = true;
    text.remove_suffix(1);
  }
  const auto value = parse_number<std::int64_t>(text);
  if (!value)
    return fail(Errc::Syntax, "Invalid weight '{}': a number, or a percentage of the initial one.",
                at(words, index));
  if (command.relative && (*value < 0 || *value > 100 * std::int64_t{kHeaviest}))
    return refuse("Relative weight can only be positive.");
  if (!command.relative && (*value < 0 || *value > kHeaviest))
    return refuse("Absolute weight can only be between 0 and 256 inclusive.");
  command.value = static_cast<unsigned>(*value);
  return command;
}

Result<Command> set_weight(Words words, Level) {
  auto server = server_name(words, 2);
  if (!server) return tl::make_unexpected(server.error());
  return weight(*std::move(server), words, 3);
}

Result<Command> state(ServerName server, Words words, std::size_t index) {
  static constexpr std::pair<std::string_view, SetState::To> kStates[] = {
      {"ready", SetState::To::Ready},
      {"drain", SetState::To::Drain},
      {"maint", SetState::To::Maintenance}};
  for (const auto& [name, to] : kStates) {
    if (at(words, index) != name) continue;
    if (auto end = expect_end(words, index + 1); !end) return tl::make_unexpected(end.error());
    return SetState{std::move(server), to};
  }
  return refuse("'set server <srv> state' expects 'ready', 'drain' and 'maint'.");
}

Result<Command> health(ServerName server, Words words, std::size_t index) {
  static constexpr std::pair<std::string_view, SetHealth::To> kVerdicts[] = {
      {"up", SetHealth::To::Up},
      {"stopping", SetHealth::To::Stopping},
      {"down", SetHealth::To::Down}};
  for (const auto& [name, to] : kVerdicts) {
    if (at(words, index) != name) continue;
    if (auto end = expect_end(words, index + 1); !end) return tl::make_unexpected(end.error());
    return SetHealth{std::move(server), to};
  }
  return refuse("'set server <srv> health' expects 'up', 'stopping', or 'down'.");
}

Result<Command> address(ServerName server, Words words, std::size_t index) {
  const std::string_view text = at(words, index);
  if (text.empty())
    return refuse("set server <b>/<s> addr requires an address and optionally a port.");
  const auto ip = IpAddress::parse(text);
  if (!ip || ip->is_any())
    return fail(Errc::Syntax, "Invalid addr '{}' by 'stats socket command'", text);
  SetAddress command{.server = std::move(server), .ip = *ip};
  if (at(words, index + 1).empty()) return command;
  if (words[index + 1] != "port") return fail(Errc::Syntax, "Unexpected '{}'.", words[index + 1]);
  const auto port = parse_number<std::uint16_t>(at(words, index + 2));
  if (!port || *port == 0)
    return fail(Errc::Syntax, "Invalid port '{}': a number from 1 to 65535 is expected.",
                at(words, index + 2));
  if (auto end = expect_end(words, index + 3); !end) return tl::make_unexpected(end.error());
  command.port = *port;
  return command;
}

Result<unsigned> limit(std::string_view text) {
  const auto value = parse_number<std::int64_t>(text);
  if (!value) return fail(Errc::Syntax, "Integer value expected.");
  if (*value < 0 || *value > kMostConnections) return fail(Errc::Range, "Value out of range.");
  return static_cast<unsigned>(*value);
}

Result<Command> server_limit(ServerName server, Words words, std::size_t index) {
  if (at(words, index).empty()) return refuse("Require <maxconn>.");
  if (auto end = expect_end(words, index + 1); !end) return tl::make_unexpected(end.error());
  const auto value = limit(words[index]);
  if (!value) return tl::make_unexpected(value.error());
  return SetServerLimit{std::move(server), *value};
}

Result<Command> set_server(Words words, Level) {
  auto server = server_name(words, 2);
  if (!server) return tl::make_unexpected(server.error());
  const std::string_view what = at(words, 3);
  if (what == "state") return state(*std::move(server), words, 4);
  if (what == "weight") return weight(*std::move(server), words, 4);
  if (what == "addr") return address(*std::move(server), words, 4);
  if (what == "health") return health(*std::move(server), words, 4);
  if (what == "maxconn") return server_limit(*std::move(server), words, 4);
  return refuse("usage: set server <backend>/<server> addr | health | maxconn | state | weight");
}

Result<Command> set_maxconn_server(Words words, Level) {
  auto server = server_name(words, 3);
  if (!server) return tl::make_unexpected(server.error());
  return server_limit(*std::move(server), words, 4);
}

Result<Command> set_maxconn_frontend(Words words, Level) {
  if (at(words, 3).empty()) return refuse("A frontend name is expected.");
  const auto value = limit(at(words, 4));
  if (!value) return tl::make_unexpected(value.error());
  if (auto end = expect_end(words, 5); !end) return tl::make_unexpected(end.error());
  return SetFrontendLimit{words[3], *value};
}

Result<Command> set_maxconn_global(Words words, Level) {
  if (at(words, 3).empty()) return refuse("Expects an integer value.");
  const auto value = limit(words[3]);
  if (!value) return tl::make_unexpected(value.error());
  if (auto end = expect_end(words, 4); !end) return tl::make_unexpected(end.error());
  return SetProcessLimit{*value};
}

Result<Command> switch_server(Words words, Level) {
  auto server = server_name(words, 2);
  if (!server) return tl::make_unexpected(server.error());
  if (auto end = expect_end(words, 3); !end) return tl::make_unexpected(end.error());
  return SetState{*std::move(server),
                  words[0] == "enable" ? SetState::To::Ready : SetState::To::Maintenance};
}

Result<Command> switch_frontend(Words words, Level) {
  if (at(words, 2).empty()) return refuse("A frontend name is expected.");
  if (auto end = expect_end(words, 3); !end) return tl::make_unexpected(end.error());
  return SwitchFrontend{words[2], words[0] == "enable"};
}

Result<Command> clear_counters(Words words, Level level) {
  const std::string_view what = at(words, 2);
  if (!what.empty() && what != "all")
    return fail(Errc::Syntax, "'clear counters' takes 'all' or nothing, not '{}'.", what);
  if (auto end = expect_end(words, 3); !end) return tl::make_unexpected(end.error());
  if (what == "all" && level < Level::Admin) return refuse("Permission denied");
  return ClearCounters{what == "all"};
}

Result<Command> shutdown_session(Words words, Level) {
  if (at(words, 2).empty()) return refuse("Session pointer expected (use 'show sess').");
  if (auto end = expect_end(words, 3); !end) return tl::make_unexpected(end.error());
  const auto id = session_id(words[2]);
  if (!id) return refuse("No such session (use 'show sess').");
  return ShutdownSession{*id};
}

Result<Command> shutdown_sessions(Words words, Level) {
  auto server = server_name(words, 3);
  if (!server) return tl::make_unexpected(server.error());
  if (auto end = expect_end(words, 4); !end) return tl::make_unexpected(end.error());
  return ShutdownSessions{*std::move(server)};
}

Result<Command> warmup(Words words, Level) {
  if (auto end = expect_end(words, 1); !end) return tl::make_unexpected(end.error());
  return Warmup{};
}

constexpr std::array kVerbs = {
    Verb{"clear counters [all]", "clear peaks (or all counters, which takes level admin)",
         Level::Operator},
    Verb{"disable frontend <frontend>", "stop accepting clients there", Level::Admin},
    Verb{"disable server <bk>/<srv>", "the same as 'set server … state maint'", Level::Admin},
    Verb{"enable frontend <frontend>", "accept clients there again", Level::Admin},
    Verb{"enable server <bk>/<srv>", "the same as 'set server … state ready'", Level::Admin},
    Verb{"get weight <bk>/<srv>", "tell a server's weight now, and the configured one",
         Level::User},
    Verb{"set maxconn frontend <frontend> <n>", "change a frontend's limit of clients",
         Level::Admin},
    Verb{"set maxconn global <n>", "change the limit of clients of all frontends", Level::Admin},
    Verb{"set maxconn server <bk>/<srv> <n>", "change a server's limit; 0 means none",
         Level::Admin},
    Verb{"set server <bk>/<srv> [opts]", "change a server's state, weight, address or limit",
         Level::Admin},
    Verb{"set weight <bk>/<srv> <n>[%]", "the same as 'set server … weight'", Level::Admin},
    Verb{"show backend", "list the backends", Level::User},
    Verb{"show errors [<px>] [request|response]", "show each proxy's last invalid messages",
         Level::Operator},
    Verb{"show info [desc|json|typed]*", "tell about the process", Level::User},
    Verb{"show servers state [<backend>]", "show what state servers are in, for programs",
         Level::User},
    Verb{"show sess [all|<id>] [opts]*", "list the clients' connections, or tell all about them",
         Level::Operator},
    Verb{"show stat [<px> <type> <sid>] [opts]*", "show all counters: json, typed, up, no-maint",
         Level::User},
    Verb{"show version", "tell the version of the process", Level::User},
    Verb{"shutdown session <id>", "end one connection", Level::Admin},
    Verb{"shutdown sessions server <bk>/<srv>", "end every connection to a server", Level::Admin},
    Verb{"warmup", "begin slowly, as the file says for a takeover", Level::Admin},
};

constexpr std::array<Parse, kVerbs.size()> kParsers = {clear_counters,
                                                       switch_frontend,
                                                       switch_server,
                                                       switch_frontend,
                                                       switch_server,
                                                       get_weight,
                                                       set_maxconn_frontend,
                                                       set_maxconn_global,
                                                       set_maxconn_server,
                                                       set_server,
                                                       set_weight,
                                                       show_backend,
                                                       show_errors,
                                                       show_info,
                                                       show_servers_state,
                                                       show_sess,
                                                       show_stat,
                                                       show_version,
                                                       shutdown_session,
                                                       shutdown_sessions,
                                                       warmup};

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

Result<Command> parse_command(const control::Line& line, Level level) {
  return kParsers[line.verb](line.words, level);
}

}  // namespace hapair::admin
