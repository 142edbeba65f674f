// Reads `check = …`: how the health of a server is found out.
#include <limits>

#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<std::string_view, 2> kNotBuiltCheck = {"alpn", "send_proxy"};

using Type = Check::Type;
constexpr std::pair<std::string_view, Type> kTypes[] = {
    {"tcp", Type::Tcp},     {"http", Type::Http},         {"script", Type::Script},
    {"redis", Type::Redis}, {"mysql", Type::Mysql},       {"postgresql", Type::Postgresql},
    {"smtp", Type::Smtp},   {"ldap", Type::Ldap},         {"command", Type::Command}};

/// A key that only some types have; it means that type where none is named.
struct TypedKey {
  std::string_view key;
  Type type;
};
constexpr TypedKey kTypedKeys[] = {
    {"request", Type::Http},        {"headers", Type::Http},    {"host", Type::Http},
    {"body", Type::Http},           {"expect", Type::Http},     {"disable_on_404", Type::Http},
    {"send_state", Type::Http},     {"steps", Type::Script},    {"hello", Type::Smtp},
    {"command", Type::Command}};

std::string_view word_of(Type type) {
  for (const auto& [word, value] : kTypes)
    if (value == type) return word;
  return "";
}

/// Who names a type means it, and so does who says what one type alone has; a server before its
/// backend, a backend before [defaults].
void read_type(TableReader& table, Check& out) {
  out.type = table.word<Type>("type", kTypes).value_or(out.type);
  const ConfigNode::Entry* decides = table.node().find("type");
  for (const auto& [key, type] : kTypedKeys) {
    const ConfigNode::Entry* entry = table.node().find(key);
    if (!entry || (decides && decides->layer >= entry->layer)) continue;
    decides = entry;
    out.type = type;
  }
  const auto is_beneath = [decides](const ConfigNode::Entry& entry) {
    return decides && entry.layer < decides->layer;
  };
  if (const ConfigNode::Entry* user = table.node().find("user"); user && is_beneath(*user))
    table.raw("user");  // of either database, and this may be none
  for (const auto& [key, type] : kTypedKeys) {
    const ConfigNode::Entry* entry = table.node().find(key);
    if (!entry || out.type == type) continue;
    table.raw(key);
    if (!is_beneath(*entry))
      table.error(key, fmt::format("a {} check has no {}", word_of(out.type), key),
                  fmt::format("type = \"{}\"", word_of(type)));
  }
}

void read_own(TableReader& table, Check& check) {
  switch (check.type) {
    case Type::Tcp:
    case Type::Redis:
    case Type::Ldap: return;
    case Type::Http:
      read_check_headers(table, check);
      if (const auto body = table.string("body")) check.body = *body;
      read_expect(table, check);
      if (const auto value = table.boolean("disable_on_404")) check.disable_on_404 = *value;
      if (const auto value = table.boolean("send_state")) check.send_state = *value;
      return;
    case Type::Script:
      read_steps(table, check);
      if (check.steps.empty() && !table.has("steps"))
        table.error_at(table.where(), "a script needs steps",
                       "steps = [ { send = \"PING\\r\\n\" }, { expect = \"+PONG\" } ]");
      else if (check.steps.empty() && !table.diagnostics().has_errors())
        table.error("steps", "a script needs steps");
      return;
    case Type::Mysql:
    case Type::Postgresql:
      if (const auto user = table.string("user")) {
        if (has_control_byte(*user) || user->size() > 63)
          table.error("user", "a user is a name of at most 63 bytes");
        check.user = *user;
      } else if (check.type == Type::Postgresql && !table.has("user")) {
        table.error_at(table.where(), "a postgresql check needs a user to introduce itself as",
                       "user = \"hapair\"");
      }
      return;
    case Type::Smtp:
      if (const auto hello = table.string("hello")) {
        const auto words = split(*hello, ' ');
        if (words.size() != 2 || (words[0] != "HELO" && words[0] != "EHLO") || words[1].empty() ||
            has_control_byte(*hello))
          table.error("hello", fmt::format("\"{}\" is no greeting", *hello), "\"EHLO lb.example.org\"");
        check.hello = *hello;
      }
      return;
    case Type::Command:
      check.command = table.strings("command");
      if (check.command.empty() && !table.has("command"))
        table.error_at(table.where(), "which command?", "command = [\"/usr/local/bin/check-app\"]");
      else if (!check.command.empty() && !check.command.front().starts_with('/'))
        table.error("command", fmt::format("\"{}\" is no absolute path", check.command.front()),
                    "command = [\"/usr/local/bin/check-app\"]");
      return;
  }
}

/// A protocol that begins in clear text cannot be had within TLS, and a command sees to that itself.
bool may_have_tls(Type type) {
  return type != Type::Mysql && type != Type::Postgresql && type != Type::Command;
}

void read_tls(TableReader& table, Check& check) {
  if (may_have_tls(check.type)) return read_check_tls(table, check);
  const ConfigNode::Entry* entry = table.node().find("tls");
  if (!entry) return;
  table.raw("tls");
  if (!entry->inherited)
    table.error("tls", fmt::format("a {} check has no tls", word_of(check.type)),
                check.type == Type::Command ? "the command sees to that itself"
                                            : "the protocol begins in clear text");
}

/// "GET /healthz" or "HEAD /check.txt HTTP/1.1".
void read_request(TableReader& table, Check& out) {
  const auto request = table.string("request");
  if (!request) return;
  constexpr std::string_view example = "as \"GET /healthz\" or \"HEAD / HTTP/1.1\"";
  if (has_control_byte(*request)) {
    table.error("request", "control bytes cannot stand in a request", std::string(example));
    return;
  }
  const auto words = split(*request, ' ');
  if (words.size() == 1 && words[0].starts_with('/')) {
    table.error("request", "the request lacks its method",
                fmt::format("did you mean \"GET {}\"?", words[0]));
    return;
  }
  if (words.size() < 2 || words.size() > 3) {
    table.error("request", "a request is a method, a target and perhaps a version",
                std::string(example));
    return;
  }
  if (!is_token(words[0])) {
    table.error("request", fmt::format("\"{}\" is not a method", words[0]), std::string(example));
    return;
  }
  for (const char c : words[1]) {
    if (static_cast<unsigned char>(c) < 0x80) continue;
    table.error("request", "a target holds ASCII alone", "write other letters as %XX");
    return;
  }
  if (!words[1].starts_with('/') && words[1] != "*") {
    table.error("request", fmt::format("\"{}\" is not a target: it begins with '/'", words[1]),
                std::string(example));
    return;
  }
  if (words.size() == 3 && words[2] != "HTTP/1.0" && words[2] != "HTTP/1.1") {
    table.error("request", fmt::format("\"{}\" is not a version a check can speak", words[2]),
                "HTTP/1.0 or HTTP/1.1");
    return;
  }
  out.method = words[0];
  out.target = words[1];
  if (words.size() == 3) out.version = words[2];
}

}  // namespace

Check read_check_table(const ConfigNode& node, const std::string& path, Diagnostics& diagnostics) {
  TableReader table(node, path, diagnostics);
  Check check;
  read_type(table, check);
  if (check.type == Type::Http) read_request(table, check);
  read_own(table, check);
  read_tls(table, check);
  if (const auto address = table.parsed<IpAddress>("address", IpAddress::parse)) {
    if (address->is_any()) table.error("address", "every address is no place one can connect to");
    check.address = *address;
  }
  if (const auto port = table.integer("port", 1, 65535))
    check.port = static_cast<std::uint16_t>(*port);
  constexpr Duration shortest = 10ms;
  if (const auto value = table.duration("interval", shortest, kLongest)) check.interval = *value;
  if (const auto value = table.duration("fast_interval", shortest, kLongest))
    check.fast_interval = *value;
  if (const auto value = table.duration("down_interval", shortest, kLongest))
    check.down_interval = *value;
  if (const auto value = table.duration("timeout", shortest, kLongest)) check.timeout = *value;
  if (const auto value = table.integer("spread", 0, 50)) check.spread = static_cast<int>(*value);
  static constexpr std::pair<std::string_view, bool> kInitial[] = {{"unknown", false}, {"up", true}};
  if (const auto initial = table.word<bool>("initial", kInitial)) check.initially_up = *initial;
  constexpr int most = 1000000;
  if (const auto value = table.integer("rise", 1, most)) check.rise = static_cast<int>(*value);
  if (const auto value = table.integer("fall", 1, most)) check.fall = static_cast<int>(*value);
  refuse_not_built(table, kNotBuiltCheck);
  table.finish();
  return check;
}

std::optional<Check> read_check(TableReader& section) {
  const ConfigNode* node = section.raw("check");
  if (!node) return std::nullopt;
  if (node->kind == ConfigNode::Kind::Boolean)
    return node->boolean ? std::optional<Check>(Check{}) : std::nullopt;
  if (node->kind == ConfigNode::Kind::Table)
    return read_check_table(*node, section.path() + ".check", section.diagnostics());
  section.error("check",
                fmt::format("check must be true, false or a table, not {}", node->kind_name()),
                "check = { type = \"http\" }");
  return std::nullopt;
}

void read_agent(TableReader& server, Server& out) {
  auto table = server.table("agent");
  if (!table) return;
  AgentCheck agent;
  if (const auto port = table->integer("port", 1, 65535))
    agent.port = static_cast<std::uint16_t>(*port);
  else if (!table->has("port"))
    table->error_at(table->where(), "on which port does the agent listen?", "agent = { port = 9777 }");
  if (const auto address = table->parsed<IpAddress>("address", IpAddress::parse)) agent.address = *address;
  if (const auto send = table->string("send")) agent.send = *send;
  constexpr Duration shortest = 10ms;
  if (const auto value = table->duration("interval", shortest, kLongest)) agent.interval = *value;
  if (const auto value = table->duration("timeout", shortest, kLongest)) agent.timeout = *value;
  table->finish();
  out.agent = std::move(agent);
}

void read_track(TableReader& server, const Backend& backend, Server& out) {
  const auto text = server.string("track");
  if (!text) return;
  const auto slash = text->find('/');
  out.track = slash == text->npos ? ServerName{backend.name, *text}
                                  : ServerName{text->substr(0, slash), text->substr(slash + 1)};
  const ConfigNode::Entry* own = server.node().find("check");
  if (own && !(own->value.kind == ConfigNode::Kind::Boolean && !own->value.boolean))
    server.error("track", "its health is the tracked server's: it has no check of its own",
                 "leave out check, or track");
  out.check.reset();  // the backend's does not apply
}

}  // namespace hapair::proxy
