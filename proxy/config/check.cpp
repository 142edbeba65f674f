// Reads `check = …`: how the health of a server is found out.
#include <limits>

#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<std::string_view, 12> kNotBuiltCheck = {
    "address", "alpn", "command", "disable_on_404", "expect", "headers",
    "host",    "port", "send",    "send_proxy",     "steps",  "tls"};

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
  static constexpr std::pair<std::string_view, Check::Type> kTypes[] = {
      {"tcp", Check::Type::Tcp}, {"http", Check::Type::Http}};
  const ConfigNode::Entry* request = node.find("request");
  if (const auto type = table.word<Check::Type>("type", kTypes)) {
    check.type = *type;
    if (*type == Check::Type::Tcp && request && !request->inherited)
      table.error("request", "a tcp check sends no request", "type = \"http\"");
  } else if (request) {
    check.type = Check::Type::Http;  // who names a request means it
  }
  read_request(table, check);
  constexpr Duration shortest = 10ms;
  if (const auto value = table.duration("interval", shortest, kLongest)) check.interval = *value;
  if (const auto value = table.duration("fast_interval", shortest, kLongest))
    check.fast_interval = *value;
  if (const auto value = table.duration("down_interval", shortest, kLongest))
    check.down_interval = *value;
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

}  // namespace hapair::proxy
