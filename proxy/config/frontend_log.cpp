// Reads what a frontend says about its access log.
#include "common/log_config.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

/// `log = "global"`, `"none"`, or a list of "global" and tables as [[global.log]] has them.
void read_targets(TableReader& section, Frontend& out) {
  const ConfigNode* node = section.raw("log");
  if (!node) return;
  const auto read_item = [&](const ConfigNode& item) {
    if (item.kind == ConfigNode::Kind::Table) {
      TableReader table(item, section.path() + ".log", section.diagnostics());
      if (auto target = read_log_target(table)) out.log.push_back(*std::move(target));
    } else if (item.kind == ConfigNode::Kind::String && item.string == "global") {
      out.log_to_global = true;
    } else {
      section.error_at(item.where,
                       item.kind == ConfigNode::Kind::String
                           ? fmt::format("\"{}\" is not where an access log can go", item.string)
                           : fmt::format("log must name targets, not {}", item.kind_name()),
                       "\"global\", \"none\", or { target = \"udp:127.0.0.1:514\" }");
    }
  };
  out.log_to_global = false;
  if (node->kind == ConfigNode::Kind::String && node->string == "none") return;
  if (node->kind != ConfigNode::Kind::Array) return read_item(*node);
  for (const ConfigNode& item : node->array) read_item(item);
}

/// A list of names, or of { name, length }.
std::vector<HeaderCapture> read_captures(TableReader& section, std::string_view key) {
  std::vector<HeaderCapture> captures;
  const ConfigNode* list = section.raw(key);
  if (!list) return captures;
  constexpr std::string_view sample = "[\"Host\", { name = \"User-Agent\", length = 64 }]";
  if (list->kind != ConfigNode::Kind::Array) {
    section.error(key, fmt::format("{} must be a list, not {}", key, list->kind_name()),
                  std::string(sample));
    return captures;
  }
  for (const ConfigNode& item : list->array) {
    HeaderCapture capture;
    SourceLocation where = item.where;
    if (item.kind == ConfigNode::Kind::String) {
      capture.name = item.string;
    } else if (item.kind == ConfigNode::Kind::Table) {
      // Named without its section: what [defaults] got wrong is said once.
      TableReader table(item, std::string(key), section.diagnostics());
      if (const auto name = table.string("name")) {
        capture.name = *name;
        where = table.where("name");
      } else if (!table.has("name")) {
        table.error_at(table.where(), "a capture needs a name", std::string(sample));
        continue;
      }
      if (const auto length = table.integer("length", 1, 8192))
        capture.length = static_cast<std::size_t>(*length);
      table.finish();
    }
    if (is_token(capture.name))
      captures.push_back(std::move(capture));
    else
      section.error_at(where, "this is not the name of a header field", std::string(sample));
  }
  if (captures.size() > 64) section.error(key, "more than 64 captured fields");
  return captures;
}

/// `capture_cookie = "NAME"` or { name, length }.
std::optional<CookieCapture> read_cookie_capture(TableReader& section) {
  const ConfigNode* node = section.raw("capture_cookie");
  if (!node) return std::nullopt;
  constexpr std::string_view sample = "{ name = \"SESSIONID=\", length = 64 }";
  CookieCapture capture;
  SourceLocation where = node->where;
  if (node->kind == ConfigNode::Kind::String) {
    capture.name = node->string;
  } else if (node->kind == ConfigNode::Kind::Table) {
    TableReader table(*node, "capture_cookie", section.diagnostics());
    if (const auto name = table.string("name")) {
      capture.name = *name;
      where = table.where("name");
    } else if (!table.has("name")) {
      table.error_at(table.where(), "a capture needs a name", std::string(sample));
      return std::nullopt;
    }
    if (const auto length = table.integer("length", 1, 8192))
      capture.length = static_cast<std::size_t>(*length);
    table.finish();
  }
  // HAProxy's way to say that it is not only how the name begins.
  if (capture.name.ends_with('=')) {
    capture.whole = true;
    capture.name.pop_back();
  }
  if (is_token(capture.name)) return capture;
  section.error_at(where, "this is not the name of a cookie", std::string(sample));
  return std::nullopt;
}

/// `log_format`: a word, or a string with variables.
void read_format(TableReader& section, Frontend& out) {
  static constexpr std::pair<std::string_view, LogFormat> kFormats[] = {
      {"http", LogFormat::Http},
      {"tcp", LogFormat::Tcp},
      {"json", LogFormat::Custom},
      {"none", LogFormat::None}};
  const LogScope scope{.http = out.mode == Mode::Http,
                       .request_headers = out.capture_request_headers,
                       .response_headers = out.capture_response_headers,
                       .cookie = out.capture_cookie.has_value()};
  const ConfigNode* node = section.raw("log_format");
  if (node && node->kind == ConfigNode::Kind::String && node->string == "clf")
    return section.error("log_format", fmt::format("log_format \"clf\": {}", kNotBuilt),
                         "\"http\", \"tcp\", \"json\" or a string of variables");
  if (node && node->kind == ConfigNode::Kind::String && node->string.find('%') != std::string::npos) {
    const ConfigNode::Entry* entry = section.node().find("log_format");
    auto pattern = parse_log_pattern(node->string, scope);
    // What [defaults] means for requests, a TCP frontend cannot have: it gets HAProxy's line.
    if (!pattern && entry && entry->inherited && !scope.http) {
      out.log_format = LogFormat::Tcp;
      return;
    }
    if (!pattern)
      return section.error("log_format",
                           fmt::format("{} (column {} of the format)", pattern.error().message,
                                       pattern.error().column),
                           pattern.error().hint);
    out.log_format = LogFormat::Custom;
    out.log_pattern = *std::move(pattern);
    return;
  }
  if (const auto known = section.word<LogFormat>("log_format", kFormats)) out.log_format = *known;
  if (out.log_format == LogFormat::Custom) out.log_pattern = json_log_pattern(scope);
  if (out.mode == Mode::Tcp && out.log_format == LogFormat::Http) {
    const ConfigNode::Entry* entry = section.node().find("log_format");
    if (entry && !entry->inherited)
      section.error("log_format", "log_format \"http\" needs mode \"http\"",
                    "log_format = \"tcp\"");
    out.log_format = LogFormat::Tcp;
  }
  // HAProxy's line with fields that few lines have.
  if (out.log_format == LogFormat::Http &&
      !(scope.request_headers.empty() && scope.response_headers.empty())) {
    out.log_format = LogFormat::Custom;
    out.log_pattern = *parse_log_pattern(kHttpLogFormat, scope);
  }
}

}  // namespace

void read_access_log(TableReader& section, Frontend& out) {
  out.capture_request_headers = read_captures(section, "capture_request_headers");
  out.capture_response_headers = read_captures(section, "capture_response_headers");
  out.capture_cookie = read_cookie_capture(section);
  read_format(section, out);
  read_targets(section, out);
  if (const auto value = section.boolean("log_null")) out.log_null = *value;
  if (const auto value = section.boolean("log_errors_only")) out.log_errors_only = *value;
  if (const auto value = section.boolean("log_separate_errors")) out.log_separate_errors = *value;
}

}  // namespace hapair::proxy
