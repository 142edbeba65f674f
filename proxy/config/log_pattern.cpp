#include "proxy/config/log_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "common/text.h"

namespace hapair::proxy {

const std::string_view kHttpLogFormat =
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq "
    "%hr %hs %{+Q}r";
const std::string_view kTcpLogFormat =
    "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";

namespace {

using V = LogVariable;

struct Word {
  std::string_view name;
  LogVariable variable;
  bool http_only = false;
};

constexpr Word kWords[] = {{"ci", V::ClientAddress},
                           {"cp", V::ClientPort},
                           {"tr", V::RequestDate, true},
                           {"t", V::AcceptDate},
                           {"T", V::GmtDate},
                           {"Tl", V::LocalDate},
                           {"trg", V::GmtRequestDate, true},
                           {"trl", V::LocalRequestDate, true},
                           {"Ts", V::AcceptSecond},
                           {"ms", V::AcceptMilliseconds},
                           {"fi", V::FrontendAddress},
                           {"fp", V::FrontendPort},
                           {"ft", V::Frontend},
                           {"f", V::Frontend},
                           {"b", V::Backend},
                           {"bi", V::SourceAddress},
                           {"bp", V::SourcePort},
                           {"s", V::Server},
                           {"si", V::ServerAddress},
                           {"sp", V::ServerPort},
                           {"TR", V::TimeToRequest, true},
                           {"Tw", V::TimeInQueue},
                           {"Tc", V::TimeToConnect},
                           {"Tr", V::TimeToResponse, true},
                           {"Ta", V::TimeActive, true},
                           {"Tu", V::TimeActive},
                           {"Tt", V::TimeTotal},
                           {"Th", V::TimeOfHandshake},
                           {"Ti", V::TimeIdle, true},
                           {"Tq", V::TimeToRequestWithIdle, true},
                           {"Td", V::TimeOfData},
                           {"ST", V::Status, true},
                           {"B", V::BytesOut},
                           {"U", V::BytesIn},
                           {"CC", V::RequestCookie, true},
                           {"CS", V::ResponseCookie, true},
                           {"ts", V::Termination},
                           {"tsc", V::TerminationWithCookie},
                           {"ac", V::ProcessConnections},
                           {"fc", V::FrontendConnections},
                           {"bc", V::BackendConnections},
                           {"sc", V::ServerConnections},
                           {"rc", V::Retries},
                           {"sq", V::ServerQueue},
                           {"bq", V::BackendQueue},
                           {"rt", V::RequestNumber},
                           {"lc", V::LineNumber},
                           {"hr", V::RequestHeaders, true},
                           {"hs", V::ResponseHeaders, true},
                           {"hrl", V::RequestHeaderList, true},
                           {"hsl", V::ResponseHeaderList, true},
                           {"r", V::RequestLine, true},
                           {"HM", V::Method, true},
                           {"HP", V::UriBeforeQuery, true},
                           {"HPO", V::Path, true},
                           {"HQ", V::Query, true},
                           {"HU", V::Uri, true},
                           {"HV", V::Version, true},
                           {"H", V::HostName},
                           {"pid", V::ProcessId}};

// Sample expressions: a few that say what a variable says, and the captures one by one.
constexpr Word kExpressions[] = {
    {"src", V::ClientAddress},     {"src_port", V::ClientPort}, {"dst", V::FrontendAddress},
    {"dst_port", V::FrontendPort}, {"method", V::Method, true}, {"path", V::Path, true},
    {"query", V::QueryText, true}, {"url", V::Uri, true},       {"status", V::Status, true},
    {"hostname", V::HostName},     {"pid", V::ProcessId}};

constexpr std::string_view kNotBuilt[] = {"ID", "sslc", "sslv"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class Parser {
 public:
  Parser(std::string_view text, const LogScope& scope) : text_(text), scope_(scope) {}

  tl::expected<LogPattern, LogPatternMistake> parse() {
    while (at_ < text_.size() && !mistake_) {
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
        refuse(at_, "a control byte cannot stand in a log line", "");
      else if (c != '%')
        literal(c), ++at_;
      else
        variable();
    }
    if (mistake_) return tl::make_unexpected(*std::move(mistake_));
    return std::move(pattern_);
  }

 private:
  void refuse(std::size_t at, std::string message, std::string hint) {
    if (!mistake_) mistake_ = LogPatternMistake{at + 1, std::move(message), std::move(hint)};
  }

  void literal(char c) {
    if (pattern_.pieces.empty() || pattern_.pieces.back().variable != V::Text)
      pattern_.pieces.emplace_back();
    pattern_.pieces.back().text += c;
  }

  void variable() {
    const std::size_t begin = at_++;
    if (at_ < text_.size() && text_[at_] == '%') {
      ++at_;
      return literal('%');
    }
    LogPiece piece = options_;
    if (at_ < text_.size() && text_[at_] == '{' && !flags(piece)) return;
    if (at_ < text_.size() && text_[at_] == '[') return expression(begin, piece);
    const std::size_t name_at = at_;
    while (at_ < text_.size() && is_letter(text_[at_])) ++at_;
    const std::string_view name = text_.substr(name_at, at_ - name_at);
    if (name.empty())
      return refuse(begin, "a '%' without a variable", "\"%%\" stands for '%' itself");
    if (name == "o") {  // HAProxy's way to set flags for all that follows
      options_ = piece;
      return;
    }
    for (const Word& word : kWords)
      if (word.name == name) return add(begin, word, piece);
    if (std::find(std::begin(kNotBuilt), std::end(kNotBuilt), name) != std::end(kNotBuilt))
      return refuse(begin, fmt::format("%{} is known, but not built yet", name), "");
    std::vector<std::string> names;
    for (const Word& word : kWords) names.push_back("%" + std::string(word.name));
    const auto near = nearest_word("%" + std::string(name), names);
    refuse(begin, fmt::format("unknown variable \"%{}\"", name),
           near ? fmt::format("did you mean \"{}\"?", *near) : "as \"%ci\" or \"%{+Q}r\"");
  }

  /// "{+Q,-X}"
  bool flags(LogPiece& piece) {
    const std::size_t begin = at_;
    const std::size_t end = text_.find('}', at_);
    if (end == text_.npos) {
      refuse(begin, "a '{' without '}'", "as \"%{+Q}r\"");
      return false;
    }
    for (const std::string_view part : split(text_.substr(begin + 1, end - begin - 1), ',')) {
      const bool on = part.size() == 2 && part[0] == '+';
      const bool off = part.size() == 2 && part[0] == '-';
      bool* flag = !on && !off      ? nullptr
                   : part[1] == 'Q' ? &piece.quoted
                   : part[1] == 'X' ? &piece.hexadecimal
                   : part[1] == 'E' ? &piece.backslashes
                                    : nullptr;
      if (!flag) {
        refuse(begin, fmt::format("unknown flag \"{}\"", part), "one of +Q, +X, +E, -Q, -X, -E");
        return false;
      }
      *flag = on;
    }
    at_ = end + 1;
    return true;
  }

  void expression(std::size_t begin, const LogPiece& piece) {
    const std::size_t end = text_.find(']', at_);
    if (end == text_.npos) return refuse(begin, "a '[' without ']'", "as \"%[src]\"");
    const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    for (const Word& word : kExpressions)
      if (word.name == name) return add(begin, word, piece);
    for (const auto& [prefix, variable, captures] :
         {std::tuple{std::string_view("capture.req.hdr("), V::RequestHeader,
                     &scope_.request_headers},
          std::tuple{std::string_view("capture.res.hdr("), V::ResponseHeader,
                     &scope_.response_headers}}) {
      if (!name.starts_with(prefix) || !name.ends_with(')')) continue;
      const auto index =
          parse_number<std::uint16_t>(name.substr(prefix.size(), name.size() - prefix.size() - 1));
      if (!index || *index >= captures->size())
        return refuse(begin, fmt::format("%[{}] names no captured field", name),
                      fmt::format("{} are captured, counted from 0", captures->size()));
      LogPiece captured = piece;
      captured.variable = variable;
      captured.index = *index;
      pattern_.pieces.push_back(std::move(captured));
      return;
    }
    std::vector<std::string> names = {"capture.req.hdr(0)", "capture.res.hdr(0)"};
    for (const Word& word : kExpressions) names.emplace_back(word.name);
    refuse(begin, fmt::format("%[{}] is not built: there are {}", name, fmt::join(names, ", ")),
           "");
  }

  void add(std::size_t begin, const Word& word, LogPiece piece) {
    if (word.http_only && !scope_.http)
      return refuse(begin, fmt::format("%{} needs mode \"http\"", word.name), "");
    piece.variable = word.variable;
    const std::vector<HeaderCapture>* captures = nullptr;
    if (word.variable == V::RequestHeaders || word.variable == V::RequestHeaderList)
      captures = &scope_.request_headers;
    else if (word.variable == V::ResponseHeaders || word.variable == V::ResponseHeaderList)
      captures = &scope_.response_headers;
    if (captures && captures->empty()) {
      // Nothing is captured: no field, and not two spaces where it would stand.
      const bool after_space =
          !pattern_.pieces.empty() && pattern_.pieces.back().text.ends_with(' ');
      if (after_space && at_ < text_.size() && text_[at_] == ' ') ++at_;
      return;
    }
    if (captures) piece.index = static_cast<std::uint16_t>(captures->size());
    pattern_.pieces.push_back(std::move(piece));
  }

  std::string_view text_;
  const LogScope& scope_;
  std::size_t at_ = 0;
  LogPiece options_;
  LogPattern pattern_;
  std::optional<LogPatternMistake> mistake_;
};

}  // namespace

bool LogPattern::uses(LogVariable variable) const {
  return std::any_of(pieces.begin(), pieces.end(),
                     [&](const LogPiece& piece) { return piece.variable == variable; });
}

tl::expected<LogPattern, LogPatternMistake> parse_log_pattern(std::string_view text,
                                                              const LogScope& scope) {
  return Parser(text, scope).parse();
}

LogPattern json_log_pattern(const LogScope& scope) {
  struct Member {
    std::string_view key;
    LogVariable variable;
    bool http_only = false;
  };
  static constexpr Member kMembers[] = {{"time", V::IsoDate},
                                        {"client_address", V::ClientAddress},
                                        {"client_port", V::ClientPort},
                                        {"frontend", V::Frontend},
                                        {"backend", V::Backend},
                                        {"server", V::Server},
                                        {"request_ms", V::TimeToRequest, true},
                                        {"queue_ms", V::TimeInQueue},
                                        {"connect_ms", V::TimeToConnect},
                                        {"response_ms", V::TimeToResponse, true},
                                        {"total_ms", V::TimeActive},
                                        {"status", V::Status, true},
                                        {"bytes_out", V::BytesOut},
                                        {"bytes_in", V::BytesIn},
                                        {"termination", V::TerminationWithCookie},
                                        {"process_connections", V::ProcessConnections},
                                        {"frontend_connections", V::FrontendConnections},
                                        {"backend_connections", V::BackendConnections},
                                        {"server_connections", V::ServerConnections},
                                        {"retries", V::Retries},
                                        {"redispatched", V::Redispatched},
                                        {"server_queue", V::ServerQueue},
                                        {"backend_queue", V::BackendQueue},
                                        {"method", V::Method, true},
                                        {"uri", V::Uri, true},
                                        {"version", V::Version, true}};
  LogPattern pattern;
  pattern.json = true;
  std::string text = "{";
  const auto put = [&](std::string_view key, LogVariable variable, std::size_t index = 0) {
    text += fmt::format("{}\"{}\":", text.ends_with('{') ? "" : ",", key);
    pattern.pieces.push_back({.text = std::exchange(text, {})});
    pattern.pieces.push_back({.variable = variable, .index = static_cast<std::uint16_t>(index)});
  };
  for (const Member& member : kMembers)
    if (scope.http || !member.http_only) put(member.key, member.variable);
  if (scope.cookie) {
    put("request_cookie", V::RequestCookie);
    put("response_cookie", V::ResponseCookie);
  }
  const auto put_all = [&](std::string_view key, LogVariable variable,
                           const std::vector<HeaderCapture>& captures) {
    if (captures.empty()) return;
    text += fmt::format(",\"{}\":{{", key);
    for (std::size_t i = 0; i < captures.size(); ++i) put(captures[i].name, variable, i);
    text += "}";
  };
  put_all("request_headers", V::RequestHeader, scope.request_headers);
  put_all("response_headers", V::ResponseHeader, scope.response_headers);
  pattern.pieces.push_back({.text = text + "}"});
  return pattern;
}

}  // namespace hapair::proxy
