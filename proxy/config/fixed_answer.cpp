// Reads pages: a file or a body, plain or a whole HTTP response.
#include "proxy/config/fixed_answer.h"

#include "common/text.h"
#include "proxy/config/named_file.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

std::string_view content_type_of(std::string_view path) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".json", "application/json"},
      {".txt", "text/plain; charset=utf-8"},
      {".xml", "application/xml"},
  };
  for (const auto& [suffix, type] : kTypes)
    if (path.ends_with(suffix)) return type;
  return "text/html";
}

/// The line that begins at `at`, without its end; `at` moves behind it. Nothing: no line end.
std::optional<std::string_view> take_line(std::string_view text, std::size_t& at) {
  const auto end = text.find('\n', at);
  if (end == text.npos) return std::nullopt;
  std::string_view line = text.substr(at, end - at);
  if (line.ends_with('\r')) line.remove_suffix(1);
  at = end + 1;
  return line;
}

/// "HTTP/1.1 503 Service Unavailable"
bool read_status_line(std::string_view line, FixedAnswer& out) {
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return false;
  const auto status = parse_number<int>(line.substr(9, 3));
  if (!status || *status < 200 || *status > 599) return false;
  if (line.size() > 12 && line[12] != ' ') return false;
  out.status = *status;
  out.reason = line.size() > 13 ? line.substr(13) : std::string_view{};
  return !has_control_byte(out.reason);
}

}  // namespace

Result<FixedAnswer> parse_whole_response(std::string_view text, std::string_view path) {
  FixedAnswer answer;
  std::size_t at = 0;
  const auto first = take_line(text, at);
  if (!first || !read_status_line(*first, answer))
    return fail(Errc::Syntax, "{} line 1 is no status line, as \"HTTP/1.1 503 Service Unavailable\"",
                path);
  std::optional<std::uint64_t> length;
  for (unsigned number = 2;; ++number) {
    const auto line = take_line(text, at);
    if (!line) return fail(Errc::Syntax, "{} has no empty line between head and body", path);
    if (line->empty()) break;
    const auto colon = std::min(line->find(':'), line->size());
    const std::string_view name = line->substr(0, colon);
    const std::string_view value = trim(line->substr(std::min(colon + 1, line->size())));
    if (colon == line->size() || !is_token(name) || has_control_byte(value))
      return fail(Errc::Syntax, "{} line {} is no header field, as \"Name: value\"", path, number);
    if (iequals(name, "transfer-encoding") || iequals(name, "trailer"))
      return fail(Errc::Unsupported, "{} line {}: a page is sent by its length, without {}", path,
                  number, name);
    if (iequals(name, "connection") || iequals(name, "keep-alive")) continue;  // ours to say
    if (!iequals(name, "content-length")) {
      answer.fields.emplace_back(name, value);
      continue;
    }
    const auto said = parse_number<std::uint64_t>(value);
    if (!said || (length && *length != *said))
      return fail(Errc::Syntax, "{} line {}: Content-Length \"{}\" is no length of its own", path,
                  number, value);
    length = *said;
  }
  answer.body = text.substr(at);
  if (length && *length != answer.body.size())
    return fail(Errc::Range, "{} says Content-Length {}, and its body has {} bytes", path, *length,
                answer.body.size());
  return answer;
}

namespace {

/// A page of a status from a file: a whole response, or a body alone.
std::optional<FixedAnswer> read_error_file(TableReader& table, std::string_view key,
                                           const ConfigNode& node, int status) {
  const std::string path = beside(node.where.file, node.string);
  const auto text = read_named_file(path);
  if (!text) {
    table.error_at(node.where, text.error().message, "an absolute path, or one beside this file");
    return std::nullopt;
  }
  if (!text->starts_with("HTTP/")) {
    FixedAnswer plain{.status = status, .body = *text};
    plain.fields = {{"cache-control", "no-cache"},
                    {"content-type", std::string(content_type_of(path))}};
    return plain;
  }
  auto whole = parse_whole_response(*text, path);
  if (!whole) {
    table.error_at(node.where, whole.error().message,
                   "a file that does not begin with \"HTTP/\" is taken as a body alone");
    return std::nullopt;
  }
  if (whole->status == 204 || whole->status == 304) {
    table.error(key, fmt::format("{}: a response with status {} has no page", path, whole->status));
    return std::nullopt;
  }
  return *std::move(whole);
}

}  // namespace

ErrorFiles read_error_files(TableReader& section) {
  ErrorFiles out;
  auto table = section.table("error_files");
  if (!table) return out;
  for (const ConfigNode::Entry& entry : table->node().table) {
    const auto path = table->string(entry.key);
    const auto status = parse_number<int>(entry.key);
    if (!status || (*status != 200 && (*status < 400 || *status > 599))) {
      table->error_at(entry.key_where,
                      fmt::format("\"{}\" is not the status of an error page", entry.key),
                      "200 (of monitor_uri) or 400 to 599, as 503 = \"/etc/hapair/503.html\"");
      continue;
    }
    if (!path) continue;
    if (auto answer = read_error_file(*table, entry.key, entry.value, *status))
      out.emplace(*status, *std::move(answer));
  }
  table->finish();
  return out;
}

FixedAnswer read_fixed_answer(TableReader& table) {
  FixedAnswer out;
  if (const auto status = table.integer("status", 200, 599)) out.status = static_cast<int>(*status);
  std::string type;
  if (const auto body = table.string("body")) {
    out.body = *body;
    type = "text/plain; charset=utf-8";
    if (table.has("file"))
      table.error("file", "a page has a body or a file, not both", "leave one of them out");
  } else if (const auto file = table.string("file")) {
    const ConfigNode& node = *table.raw("file");
    const std::string path = beside(node.where.file, *file);
    if (auto text = read_named_file(path))
      out.body = *std::move(text);
    else
      table.error_at(node.where, text.error().message, "an absolute path, or one beside this file");
    type = content_type_of(path);
  }
  if (const auto given = table.string("content_type")) {
    if (given->empty() || has_control_byte(*given))
      table.error("content_type", "a content type is one line of text", "as \"text/html\"");
    else
      type = *given;
  }
  const bool bodiless = out.status == 204 || out.status == 304;
  if (bodiless && !out.body.empty())
    table.error("status", fmt::format("a response with status {} has no body", out.status),
                "leave body and file out");
  if (!type.empty() && !bodiless) out.fields.emplace_back("content-type", type);
  table.finish();
  return out;
}

}  // namespace hapair::proxy
