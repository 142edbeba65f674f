#include "proxy/health/http_probe.h"

#include <algorithm>
#include <system_error>

#include "common/text.h"

namespace hapair::health {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

ProbeResult invalid(std::string info = {}) {
  return {.status = ProbeStatus::L7Invalid, .info = std::move(info)};
}

bool in_ranges(const std::vector<std::pair<int, int>>& ranges, int code) {
  return std::any_of(ranges.begin(), ranges.end(), [code](const auto& range) {
    return code >= range.first && code <= range.second;
  });
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char x, char y) { return lower(x) == lower(y); });
}

bool holds(const http::FieldList& fields, const HttpExpect::Header& wanted) {
  return std::any_of(fields.begin(), fields.end(), [&wanted](const http::Field& field) {
    if (!same_name(field.name, wanted.name)) return false;
    if (wanted.any_value) return true;
    return wanted.pattern ? wanted.pattern->matches(field.value) : field.value == wanted.value;
  });
}

bool has_text(std::string_view content, const HttpExpect& expect) {
  return std::any_of(expect.body.begin(), expect.body.end(), [content](const std::string& wanted) {
    return content.find(wanted) != content.npos;
  });
}

bool has_pattern(std::string_view content, const HttpExpect& expect, bool complete) {
  return expect.body_pattern && expect.body_pattern->first_end(content, complete);
}

}  // namespace

HttpProbe::HttpProbe(std::string request, Settings settings)
    : request_(std::move(request)), settings_(std::move(settings)) {}

Conversation::Turn HttpProbe::begin() {
  stage_ = Stage::StatusLine;
  bytes_.clear();
  code_ = -1;
  phrase_.clear();
  return {.send = request_, .verdict = {}};
}

Conversation::Turn HttpProbe::on_bytes(std::string_view bytes) {
  const std::size_t had = bytes_.size();
  bytes_.append(bytes);
  if (stage_ == Stage::StatusLine) {
    constexpr std::size_t longest = 1024;
    const auto end = bytes_.find('\n');
    if (end == bytes_.npos ? bytes_.size() > longest : end > longest) return {.send = {}, .verdict = invalid()};
    if (end == bytes_.npos) return {};
    std::string_view line(bytes_.data(), end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (auto verdict = judge_status(line)) return {.send = {}, .verdict = std::move(verdict)};
    stage_ = Stage::Head;
  }
  if (stage_ == Stage::Head) return {.send = {}, .verdict = read_head()};
  return {.send = {}, .verdict = read_body(had)};
}

// "HTTP/1.1 404 Not Found", without its end. A verdict if nothing else is to be looked at.
std::optional<ProbeResult> HttpProbe::judge_status(std::string_view line) {
  if (!line.starts_with("HTTP/") || line.size() < 12 || !is_digit(line[5]) || line[6] != '.' ||
      !is_digit(line[7]) || line[8] != ' ')
    return invalid();
  const auto code = parse_number<int>(line.substr(9, 3));
  if (!code || *code < 100 || (line.size() > 12 && line[12] != ' ')) return invalid();
  code_ = *code;
  std::string_view phrase = line.size() > 13 ? line.substr(13) : std::string_view{};
  while (phrase.ends_with(' ')) phrase.remove_suffix(1);
  phrase_ = phrase;
  const auto& [must, must_not, head_only] = settings_;
  const bool as_wanted = must.status.empty() && must_not.status.empty()
                             ? code_ >= 200 && code_ < 400
                             : (must.status.empty() || in_ranges(must.status, code_)) &&
                                   !in_ranges(must_not.status, code_);
  if (!as_wanted) return wrong();
  if (must.headers.empty() && must_not.headers.empty() && !must.wants_body() && !must_not.wants_body())
    return passed();
  return std::nullopt;
}

std::optional<ProbeResult> HttpProbe::read_head() {
  http::ResponseHead head;
  const http::HeadResult result =
      http::parse_response_head(std::string_view(bytes_).substr(0, kMostBytes), head);
  if (result.status == http::HeadStatus::Failed) return invalid("the head is not HTTP/1");
  if (result.status == http::HeadStatus::Incomplete)
    return bytes_.size() > kMostBytes ? std::optional(invalid("the head is too long")) : std::nullopt;
  const auto& [must, must_not, head_only] = settings_;
  const auto there = [&head](const HttpExpect::Header& wanted) { return holds(head.fields, wanted); };
  if (!std::all_of(must.headers.begin(), must.headers.end(), there) ||
      std::any_of(must_not.headers.begin(), must_not.headers.end(), there))
    return wrong();
  if (!must.wants_body() && !must_not.wants_body()) return passed();
  const auto method = head_only ? http::Method::Head : http::Method::Get;
  body_ = http::has_no_body(head.status, method)
              ? http::BodyDecoder()
              : http::BodyDecoder(head.framing, head.content_length);
  stage_ = Stage::Body;
  bytes_.erase(0, result.size);
  return read_body(0);
}

// What stands in bytes_ from there on has its framing still.
std::optional<ProbeResult> HttpProbe::read_body(std::size_t from) {
  while (from < bytes_.size() && from < kMostBytes && !body_.done()) {
    const auto step = body_.decode(bytes_.data() + from, std::min(bytes_.size(), kMostBytes) - from);
    if (step.error != http::H1Error::None) {
      bytes_.resize(from + step.payload);
      const auto verdict = judge_body(false);  // of what came before
      return verdict ? verdict : invalid("the content is badly framed");
    }
    bytes_.erase(from + step.payload, step.consumed - step.payload);
    from += step.payload;
    if (step.consumed == 0) break;
  }
  bytes_.resize(from);  // what is behind the content is none
  return judge_body(body_.done() || bytes_.size() >= kMostBytes);
}

std::optional<ProbeResult> HttpProbe::judge_body(bool complete) {
  const auto& [must, must_not, head_only] = settings_;
  if (has_text(bytes_, must_not) || has_pattern(bytes_, must_not, complete))
    return invalid("HTTP check matched unwanted content");
  if (!complete && must_not.wants_body()) return std::nullopt;  // what must not be there may still come
  if ((must.body.empty() || has_text(bytes_, must)) && (!must.body_pattern || has_pattern(bytes_, must, complete)))
    return passed();
  return complete ? std::optional(invalid("HTTP content check did not match")) : std::nullopt;
}

ProbeResult HttpProbe::on_end(int error_number) {
  if (error_number != 0) return invalid(std::generic_category().message(error_number));
  if (stage_ != Stage::Body) return invalid();
  if (!body_.until_close()) return invalid("the content is cut short");
  return *judge_body(true);
}

}  // namespace hapair::health
