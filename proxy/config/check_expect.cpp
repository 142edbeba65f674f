// Reads what a check sends and awaits: `expect`, `headers` and `steps`.
#include <limits>

#include "common/regex.h"
#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

using Kind = ConfigNode::Kind;

/// A pattern that has been tried.
std::optional<std::string> read_pattern(TableReader& table, std::string_view key) {
  const auto text = table.string(key);
  if (!text) return std::nullopt;
  if (auto compiled = Regex::compile(*text); !compiled) {
    table.error(key, compiled.error().message, "RE2's syntax, as \"^ok|ready\"");
    return std::nullopt;
  }
  return text;
}

/// 200, "200" or "200-299".
void read_range(TableReader& table, const ConfigNode& node, CheckExpect& out) {
  std::optional<int> first, last;
  if (node.kind == Kind::Integer && node.integer >= 100 && node.integer <= 999) {
    first = last = static_cast<int>(node.integer);
  } else if (node.kind == Kind::String) {
    const std::string_view text = node.string;
    const auto dash = text.find('-');
    first = parse_number<int>(text.substr(0, dash));
    last = dash == text.npos ? first : parse_number<int>(text.substr(dash + 1));
  }
  if (!first || !last || *first < 100 || *last > 999 || *first > *last)
    return table.error_at(node.where, "a status is a number from 100 to 999, or a range of them",
                          "status = [200, \"300-399\"]");
  out.status.emplace_back(*first, *last);
}

void read_status(TableReader& table, CheckExpect& out) {
  const ConfigNode* node = table.raw("status");
  if (!node) return;
  if (node->kind != Kind::Array) return read_range(table, *node, out);
  for (const ConfigNode& item : node->array) read_range(table, item, out);
}

void read_expected_header(const ConfigNode& node, const std::string& path, Diagnostics& diagnostics,
                          CheckExpect& out) {
  TableReader table(node, path, diagnostics);
  CheckExpect::Header header;
  if (const auto name = table.string("name")) {
    if (!is_token(*name)) table.error("name", fmt::format("\"{}\" is no field name", *name));
    header.name = *name;
  } else if (!table.has("name")) {
    table.error_at(table.where(), "which header field?", "header = { name = \"X-Ready\", value = \"yes\" }");
  }
  header.value = table.string("value");
  header.pattern = read_pattern(table, "regex");
  if (header.value && header.pattern)
    table.error("regex", "a field is compared with a value or a pattern, not both");
  table.finish();
  out.headers.push_back(std::move(header));
}

void read_what(TableReader& table, CheckExpect& out) {
  read_status(table, out);
  if (const ConfigNode* node = table.raw("header")) {
    const std::string path = table.path() + ".header";
    if (node->kind == Kind::Table) {
      read_expected_header(*node, path, table.diagnostics(), out);
    } else if (node->kind == Kind::Array) {
      for (const ConfigNode& item : node->array) {
        if (item.kind == Kind::Table)
          read_expected_header(item, path, table.diagnostics(), out);
        else
          table.error_at(item.where, "a header is a table", "header = { name = \"X-Ready\", value = \"yes\" }");
      }
    } else {
      table.error("header", fmt::format("header must be a table, not {}", node->kind_name()),
                  "header = { name = \"X-Ready\", value = \"yes\" }");
    }
  }
  out.body = table.strings("body");
  out.body_pattern = read_pattern(table, "body_regex");
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string bytes;
  std::string digits;
  for (const char c : text)
    if (c != ' ') digits += c;
  if (digits.empty() || digits.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    int value = 0;
    for (const char c : {digits[i], digits[i + 1]}) {
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return std::nullopt;
      value = value * 16 + digit;
    }
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::optional<CheckStep> read_step(const ConfigNode& node, const std::string& path,
                                   Diagnostics& diagnostics) {
  constexpr std::string_view example = "steps = [ { send = \"PING\\r\\n\" }, { expect = \"+PONG\" } ]";
  if (node.kind != Kind::Table) {
    diagnostics.error(node.where, "a step is a table", std::string(example));
    return std::nullopt;
  }
  TableReader table(node, path, diagnostics);
  CheckStep step;
  int said = 0;
  const auto bytes = [&](std::string_view key, CheckStep::Kind kind, bool hex) {
    const auto text = table.string(key);
    if (!text) return;
    ++said;
    step.kind = kind;
    step.binary = hex;
    if (text->empty()) table.error(key, fmt::format("{} is empty", key), std::string(example));
    if (!hex) {
      step.bytes = *text;
    } else if (auto decoded = from_hex(*text)) {
      step.bytes = *std::move(decoded);
    } else {
      table.error(key, fmt::format("\"{}\" is not hexadecimal", *text), "pairs of digits, as \"0d 0a\"");
    }
  };
  bytes("send", CheckStep::Kind::Send, false);
  bytes("send_hex", CheckStep::Kind::Send, true);
  bytes("expect", CheckStep::Kind::Expect, false);
  bytes("expect_hex", CheckStep::Kind::Expect, true);
  if (const auto pattern = read_pattern(table, "expect_regex")) {
    ++said;
    step.kind = CheckStep::Kind::ExpectPattern;
    step.bytes = *pattern;
  }
  if (const auto reject = table.string("reject")) {
    step.reject = *reject;
    if (step.kind == CheckStep::Kind::Send)
      table.error("reject", "nothing is awaited in this step", "{ expect = \"+PONG\", reject = \"-ERR\" }");
  }
  table.finish();
  if (said != 1 && !diagnostics.has_errors())
    table.error_at(table.where(), "a step does one thing: send or expect", std::string(example));
  return step;
}

}  // namespace

void read_expect(TableReader& check, Check& out) {
  auto table = check.table("expect");
  if (!table) return;
  read_what(*table, out.expect);
  if (auto negated = table->table("not")) {
    read_what(*negated, out.expect_not);
    negated->finish();
  }
  table->finish();
}

void read_check_headers(TableReader& check, Check& out) {
  const auto add = [&](TableReader& where, std::string_view key, const std::string& name,
                       const std::string& value) {
    if (!is_token(name)) return where.error(key, fmt::format("\"{}\" is no field name", name));
    if (has_control_byte(value))
      return where.error(key, "control bytes cannot stand in a header field");
    out.headers.emplace_back(name, value);
  };
  if (const auto host = check.string("host")) add(check, "host", "Host", *host);
  if (auto table = check.table("headers")) {
    for (const ConfigNode::Entry& entry : table->node().table)
      if (const auto value = table->string(entry.key)) add(*table, entry.key, entry.key, *value);
    table->finish();
  }
}

void read_steps(TableReader& check, Check& out) {
  const ConfigNode* node = check.raw("steps");
  if (!node) return;
  if (node->kind != Kind::Array)
    return check.error("steps", fmt::format("steps must be a list, not {}", node->kind_name()),
                       "steps = [ { send = \"PING\\r\\n\" }, { expect = \"+PONG\" } ]");
  for (const ConfigNode& item : node->array)
    if (auto step = read_step(item, check.path() + ".steps", check.diagnostics()))
      out.steps.push_back(*std::move(step));
}

}  // namespace hapair::proxy
