// Reads [[frontend.NAME.route]] and monitor_uri.
#include "proxy/config/route.h"

#include <algorithm>

#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

using Kind = TextPattern::Kind;
using Subject = RouteTest::Subject;

/// Calls `use` for each string of a list, or for the one string there is; says so if `key` holds
/// something else.
template <typename Use>
void for_each_string(TableReader& table, std::string_view key, Use use) {
  const ConfigNode* node = table.raw(key);
  if (!node) return;
  table.strings(key);  // reports what is no string
  if (node->kind == ConfigNode::Kind::String) return use(*node);
  if (node->kind != ConfigNode::Kind::Array) return;
  if (node->array.empty())
    table.error(key, "an empty list matches nothing", "leave the key out to match everything");
  for (const ConfigNode& item : node->array)
    if (item.kind == ConfigNode::Kind::String) use(item);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), ascii_lower);
  return out;
}

/// Reads one `when` table, or one under `not`.
class ConditionReader {
 public:
  ConditionReader(const ConfigNode& node, std::string path, Mode mode, Diagnostics& diagnostics)
      : table_(node, std::move(path), diagnostics), mode_(mode) {}

  RouteCondition read() {
    if (table_.node().table.empty())
      table_.error_at(table_.where(), "an empty table says nothing",
                      "leave `when` out to match every request");
    read_texts("host", Subject::Host, Kind::Exact);
    read_texts("host_regex", Subject::Host, Kind::Regex);
    read_texts("path", Subject::Path, Kind::Exact);
    read_texts("path_prefix", Subject::Path, Kind::Prefix);
    read_texts("path_suffix", Subject::Path, Kind::Suffix);
    read_texts("path_contains", Subject::Path, Kind::Contains);
    read_texts("path_regex", Subject::Path, Kind::Regex);
    read_texts("method", Subject::Method, Kind::Exact);
    read_named("header", Subject::Header);
    read_named("cookie", Subject::Cookie);
    read_named("query", Subject::Query);
    read_networks("source", Subject::Source);
    read_networks("destination", Subject::Destination);
    read_ports("source_port", Subject::SourcePort);
    read_ports("destination_port", Subject::DestinationPort);
    read_not();
    refuse_not_built(table_, std::array<std::string_view, 3>{"map", "sni", "tls"});
    table_.finish();
    return std::move(out_);
  }

 private:
  /// Only HTTP has it.
  void need_http(std::string_view key) {
    if (mode_ == Mode::Tcp && table_.has(key))
      table_.error(key, fmt::format("{} needs mode \"http\"", key),
                   "a TCP connection has source, source_port, destination and destination_port");
  }

  void add(TableReader& table, std::string_view key, RouteTest test) {
    if (test.texts.empty() && test.networks.empty() && test.ports.empty()) return;
    if (table.has(key)) out_.all.push_back(std::move(test));
  }

  std::optional<TextPattern> pattern(TableReader& table, const ConfigNode& item, Subject subject,
                                     Kind kind) {
    if (kind == Kind::Regex) {
      auto regex = Regex::compile(
          item.string, subject == Subject::Host ? Regex::Case::Ignored : Regex::Case::Matters);
      if (regex) return TextPattern{kind, {}, *std::move(regex)};
      table.error_at(item.where, regex.error().message, "RE2's syntax");
      return std::nullopt;
    }
    if (const auto complaint = judge(item.string, subject, kind); !complaint.empty()) {
      table.error_at(item.where, complaint, std::string(remedy(subject)));
      return std::nullopt;
    }
    if (subject == Subject::Host) {
      std::string host = lower(item.string);
      if (host.starts_with("*.")) return TextPattern{Kind::Suffix, host.substr(1), {}};
      return TextPattern{kind, std::move(host), {}};
    }
    return TextPattern{kind, item.string, {}};
  }

  /// What is wrong with a pattern that could never match; empty: nothing.
  static std::string judge(std::string_view text, Subject subject, Kind kind) {
    if (text.empty() && kind != Kind::Exact) return "an empty text is in every other";
    if (subject == Subject::Host) {
      const bool wild = text.starts_with("*.");
      if (text.empty() || text.find_first_of(wild ? "*/ " : "*/ ", wild ? 1 : 0) != text.npos ||
          text.ends_with('.') || (!text.starts_with('[') && text.find(':') != text.npos))
        return fmt::format("\"{}\" is not the name of a host (without a port)", text);
    }
    if (subject == Subject::Method && !is_token(text))
      return fmt::format("\"{}\" is not a method", text);
    if (subject == Subject::Method && std::any_of(text.begin(), text.end(), [](char c) {
          return c != ascii_lower(c);
        }) == false)
      return fmt::format("\"{}\": methods are written in capitals, and no other way matches", text);
    if (subject == Subject::Path) return judge_path(text, kind);
    if (has_control_byte(text)) return "no request can hold a control byte";
    return {};
  }

  /// Patterns are compared with normalised paths, so they must be normal themselves.
  static std::string judge_path(std::string_view text, Kind kind) {
    if (has_control_byte(text)) return "no path can hold a control byte";
    if ((kind == Kind::Exact || kind == Kind::Prefix) && !text.starts_with('/') && text != "*")
      return fmt::format("\"{}\" is no path: one begins with '/'", text);
    if (const auto at = text.find_first_of("?;\\"); at != text.npos)
      return fmt::format("\"{}\" can never match: paths are compared without '{}'", text, text[at]);
    if (text.find("//") != text.npos || text.find("/./") != text.npos ||
        text.find("/../") != text.npos)
      return fmt::format("\"{}\" can never match: paths are compared in their normal form", text);
    for (std::size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 1))
      if (at + 2 < text.size() && is_hex(text[at + 1]) && is_hex(text[at + 2]))
        return fmt::format("\"{}\" can never match: paths are compared decoded", text);
    return {};
  }

  static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
  }

  static std::string_view remedy(Subject subject) {
    switch (subject) {
      case Subject::Host: return "as \"www.example.org\" or \"*.example.org\"";
      case Subject::Path: return "as it reads when nothing is encoded, like \"/images/\"";
      case Subject::Method: return "as \"GET\"";
      default: return "";
    }
  }

  void read_texts(std::string_view key, Subject subject, Kind kind) {
    need_http(key);
    RouteTest test{.subject = subject};
    for_each_string(table_, key, [&](const ConfigNode& item) {
      if (auto found = pattern(table_, item, subject, kind)) test.texts.push_back(*std::move(found));
    });
    add(table_, key, std::move(test));
  }

  /// header = { X-Mode = "test", X-Old = false, X-Way = { prefix = "a" } }
  void read_named(std::string_view key, Subject subject) {
    need_http(key);
    auto named = table_.table(key);
    if (!named) return;
    if (named->node().table.empty())
      table_.error(key, "an empty table says nothing", "as header = { X-Mode = \"test\" }");
    for (const ConfigNode::Entry& entry : named->node().table) {
      named->raw(entry.key);
      if (subject == Subject::Header && !is_token(entry.key))
        named->error_at(entry.key_where,
                        fmt::format("\"{}\" is not the name of a header field", entry.key),
                        "as \"X-Forwarded-Proto\"");
      read_named_value(*named, entry, subject);
    }
    named->finish();
  }

  void read_named_value(TableReader& named, const ConfigNode::Entry& entry, Subject subject) {
    RouteTest test{.subject = subject, .name = entry.key};
    const ConfigNode& value = entry.value;
    if (value.kind == ConfigNode::Kind::Boolean) {
      test.texts.push_back({value.boolean ? Kind::Present : Kind::Absent, {}, {}});
      return add(named, entry.key, std::move(test));
    }
    if (value.kind == ConfigNode::Kind::String || value.kind == ConfigNode::Kind::Array) {
      for_each_string(named, entry.key, [&](const ConfigNode& item) {
        if (auto found = pattern(named, item, subject, Kind::Exact))
          test.texts.push_back(*std::move(found));
      });
      return add(named, entry.key, std::move(test));
    }
    if (value.kind != ConfigNode::Kind::Table) {
      named.error(entry.key, fmt::format("{} must be a text, not {}", entry.key, value.kind_name()),
                  "a text, a list, true, false, or { prefix = \"…\" }");
      return;
    }
    TableReader how(value, named.path() + "." + entry.key, named.diagnostics());
    static constexpr std::pair<std::string_view, Kind> kWays[] = {{"exact", Kind::Exact},
                                                                  {"prefix", Kind::Prefix},
                                                                  {"suffix", Kind::Suffix},
                                                                  {"contains", Kind::Contains},
                                                                  {"regex", Kind::Regex}};
    for (const auto& [word, kind] : kWays) {
      RouteTest one{.subject = subject, .name = entry.key};
      for_each_string(how, word, [&, kind = kind](const ConfigNode& item) {
        if (auto found = pattern(how, item, subject, kind)) one.texts.push_back(*std::move(found));
      });
      add(how, word, std::move(one));
    }
    if (value.table.empty())
      how.error_at(how.where(), "an empty table says nothing", "as { prefix = \"test\" }");
    how.finish();
  }

  void read_networks(std::string_view key, Subject subject) {
    RouteTest test{.subject = subject};
    for_each_string(table_, key, [&](const ConfigNode& item) {
      const auto network = Cidr::parse(item.string);
      if (network)
        test.networks.push_back(*network);
      else
        table_.error_at(item.where, network.error().message, "as \"10.0.0.0/8\"");
    });
    add(table_, key, std::move(test));
  }

  /// 8080, "8000-8999", or a list of these.
  void read_ports(std::string_view key, Subject subject) {
    const ConfigNode* node = table_.raw(key);
    if (!node) return;
    RouteTest test{.subject = subject};
    const auto take = [&](const ConfigNode& item) {
      const auto range = item.kind == ConfigNode::Kind::Integer
                             ? port_range(std::to_string(item.integer))
                             : item.kind == ConfigNode::Kind::String ? port_range(item.string)
                                                                     : std::nullopt;
      if (range)
        test.ports.push_back(*range);
      else
        table_.error_at(item.where, fmt::format("{} is a port from 1 to 65535, or a range", key),
                        "as 8080 or \"8000-8999\"");
    };
    if (node->kind != ConfigNode::Kind::Array) {
      take(*node);
    } else {
      if (node->array.empty())
        table_.error(key, "an empty list matches nothing", "leave the key out to match everything");
      for (const ConfigNode& item : node->array) take(item);
    }
    add(table_, key, std::move(test));
  }

  static std::optional<PortRange> port_range(std::string_view text) {
    const auto dash = std::min(text.find('-'), text.size());
    const auto first = parse_number<std::uint16_t>(text.substr(0, dash));
    const auto last =
        dash == text.size() ? first : parse_number<std::uint16_t>(text.substr(dash + 1));
    if (!first || !last || *first == 0 || *last < *first) return std::nullopt;
    return PortRange{*first, *last};
  }

  void read_not() {
    const ConfigNode* node = table_.raw("not");
    if (!node) return;
    const auto read_one = [&](const ConfigNode& item) {
      if (item.kind == ConfigNode::Kind::Table)
        out_.none.push_back(
            ConditionReader(item, table_.path() + ".not", mode_, table_.diagnostics()).read());
      else
        table_.error_at(item.where, fmt::format("not takes a table, not {}", item.kind_name()),
                        "as not = { source = \"10.0.0.0/8\" }");
    };
    if (node->kind != ConfigNode::Kind::Array) return read_one(*node);
    for (const ConfigNode& item : node->array) read_one(item);
  }

  TableReader table_;
  const Mode mode_;
  RouteCondition out_;
};

std::vector<RouteCondition> read_when(TableReader& route, Mode mode) {
  std::vector<RouteCondition> out;
  const ConfigNode* node = route.raw("when");
  if (!node) return out;
  const auto read_one = [&](const ConfigNode& item) {
    if (item.kind == ConfigNode::Kind::Table)
      out.push_back(
          ConditionReader(item, route.path() + ".when", mode, route.diagnostics()).read());
    else
      route.error_at(item.where, fmt::format("when takes a table, not {}", item.kind_name()),
                     "as when = { path_prefix = \"/images/\" }");
  };
  if (node->kind != ConfigNode::Kind::Array) {
    read_one(*node);
  } else {
    if (node->array.empty())
      route.error("when", "an empty list matches nothing",
                  "leave `when` out to match every request");
    for (const ConfigNode& item : node->array) read_one(item);
  }
  return out;
}

Redirect read_redirect(TableReader& table) {
  Redirect out;
  int given = 0;
  static constexpr std::pair<std::string_view, Redirect::Kind> kKinds[] = {
      {"location", Redirect::Kind::Location},
      {"prefix", Redirect::Kind::Prefix},
      {"scheme", Redirect::Kind::Scheme}};
  for (const auto& [key, kind] : kKinds) {
    const auto text = table.string(key);
    if (!table.has(key)) continue;
    ++given;
    out.kind = kind;
    if (!text) continue;
    const bool word = kind == Redirect::Kind::Scheme;
    if (text->empty() || has_control_byte(*text) || text->find(' ') != text->npos ||
        (word && !std::all_of(text->begin(), text->end(), [](char c) {
          return c >= 'a' && c <= 'z';
        })))
      table.error(key, fmt::format("\"{}\" is not the {} of a URL", *text, key),
                  word ? "as \"https\"" : "as \"https://www.example.org\"");
    out.text = *text;
  }
  if (given != 1)
    table.error_at(table.where(), "a redirect has one of location, prefix and scheme",
                   "as { scheme = \"https\", code = 301 }");
  if (const auto code = table.integer("code", 301, 308)) {
    out.status = static_cast<int>(*code);
    if (*code > 303 && *code < 307)
      table.error("code", fmt::format("{} is no redirection", *code), "301, 302, 303, 307 or 308");
  }
  if (const auto drop = table.boolean("drop_query")) out.drop_query = *drop;
  if (const auto port = table.integer("port", 1, 65535)) {
    out.port = static_cast<std::uint16_t>(*port);
    if (out.kind != Redirect::Kind::Scheme)
      table.error("port", "the location has its port itself", "port goes with scheme");
  }
  table.finish();
  return out;
}

/// deny = true, a status, or { status = 403 }.
Deny read_deny(TableReader& route, Mode mode) {
  Deny out;
  const ConfigNode* node = route.raw("deny");
  std::optional<std::int64_t> status;
  if (node->kind == ConfigNode::Kind::Table) {
    TableReader table(*node, route.path() + ".deny", route.diagnostics());
    status = table.integer("status", 0, 999);
    table.finish();
  } else if (node->kind == ConfigNode::Kind::Integer) {
    status = node->integer;
  } else if (node->kind != ConfigNode::Kind::Boolean || !node->boolean) {
    route.error("deny", fmt::format("deny is true or a status, not {}",
                                    node->kind == ConfigNode::Kind::Boolean ? "false"
                                                                            : node->kind_name()),
                "deny = 403");
  }
  if (!status) return out;
  if (mode == Mode::Tcp)
    route.error("deny", "a TCP connection is closed without a status", "deny = true");
  if (std::find(kDenialStatuses.begin(), kDenialStatuses.end(), *status) == kDenialStatuses.end())
    route.error("deny", fmt::format("there is no page for status {}", *status),
                fmt::format("{}; return = {{ … }} takes any", fmt::join(kDenialStatuses, ", ")));
  else
    out.status = static_cast<int>(*status);
  return out;
}

Route read_route(TableReader& table, Mode mode) {
  Route out;
  out.when = read_when(table, mode);
  constexpr std::array<std::string_view, 4> kActions = {"backend", "redirect", "deny", "return"};
  constexpr std::array<std::string_view, 5> kNotBuiltRoute = {"auth", "rate_limit", "rewrite",
                                                              "set_header", "tarpit"};
  refuse_not_built(table, kNotBuiltRoute);
  std::vector<std::string_view> given;
  for (const std::string_view action : kActions)
    if (table.has(action)) given.push_back(action);
  if (given.size() != 1)
    table.error_at(given.empty() ? table.where() : table.where(given[1]),
                   given.empty() ? std::string("a route that leads nowhere")
                                 : fmt::format("a route has one action: this has {}",
                                               fmt::join(given, " and ")),
                   "backend = \"NAME\", redirect = { … }, deny = 403 or return = { … }");
  if (mode == Mode::Tcp)
    for (const std::string_view key : {"redirect", "return"})
      if (table.has(key))
        table.error(key, fmt::format("{} needs mode \"http\"", key),
                    "a TCP connection has backend and deny");
  if (const auto backend = table.string("backend")) out.action = UseBackend{*backend};
  if (table.has("deny")) out.action = read_deny(table, mode);
  if (auto redirect = table.table("redirect")) out.action = read_redirect(*redirect);
  if (auto page = table.table("return")) out.action = read_fixed_answer(*page);
  table.finish();
  return out;
}

}  // namespace

std::vector<Route> read_routes(TableReader& section, Mode mode,
                               std::vector<BackendReference>& references) {
  std::vector<Route> out;
  std::optional<SourceLocation> everything;  // the route that leaves nothing for those below it
  for (TableReader& table : section.tables("route")) {
    out.push_back(read_route(table, mode));
    if (everything)
      table.diagnostics().warning(
          table.where(), "never reached: the route above it takes every request",
          fmt::format("the route on line {} has no `when`", everything->line));
    else if (out.back().when.empty() && !table.has("when"))
      everything = table.where();
    if (const auto* use = std::get_if<UseBackend>(&out.back().action); use && !use->name.empty())
      references.push_back({use->name, table.where("backend"), out.size() - 1});
  }
  return out;
}

std::optional<Monitor> read_monitor(TableReader& section,
                                    std::vector<BackendReference>& references) {
  const auto uri = section.string("monitor_uri");
  const ConfigNode* fail = section.raw("monitor_fail");
  if (!uri) {
    // Inherited it is for those that can be asked.
    if (fail && !section.has("monitor_uri") && !section.node().find("monitor_fail")->inherited)
      section.error("monitor_fail", "nobody could ask: there is no monitor_uri",
                    "monitor_uri = \"/ready\"");
    return std::nullopt;
  }
  Monitor out{.uri = *uri};
  if (!uri->starts_with('/') || uri->find(' ') != uri->npos || has_control_byte(*uri))
    section.error("monitor_uri", fmt::format("\"{}\" is not a path", *uri), "as \"/ready\"");
  if (!fail) return out;
  const auto read_one = [&](const ConfigNode& item) {
    Monitor::Failure failure;
    SourceLocation where = item.where;
    if (item.kind == ConfigNode::Kind::String) {
      failure.of.name = item.string;
    } else if (item.kind == ConfigNode::Kind::Table) {
      TableReader table(item, section.path() + ".monitor_fail", section.diagnostics());
      if (const auto name = table.string("backend")) {
        failure.of.name = *name;
        where = table.where("backend");
      } else if (!table.has("backend")) {
        table.error_at(table.where(), "which backend?", "backend = \"NAME\"");
      }
      if (const auto least = table.integer("fewer_than", 1, 4096))
        failure.fewer_than = static_cast<unsigned>(*least);
      table.finish();
    } else {
      section.error_at(item.where,
                       fmt::format("monitor_fail names a backend, not {}", item.kind_name()),
                       "as \"webs\" or { backend = \"webs\", fewer_than = 2 }");
    }
    if (failure.of.name.empty()) return;
    references.push_back({failure.of.name, where, out.fail.size()});
    out.fail.push_back(std::move(failure));
  };
  if (fail->kind == ConfigNode::Kind::Array) {
    for (const ConfigNode& item : fail->array) read_one(item);
  } else {
    read_one(*fail);
  }
  return out;
}

}  // namespace hapair::proxy
