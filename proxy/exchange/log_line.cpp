#include "proxy/exchange/log_line.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

#include "proxy/exchange/captured_fields.h"

namespace hapair::exchange {
namespace {

using proxy::LogPiece;
using proxy::LogVariable;
using V = LogVariable;

constexpr char kHex[] = "0123456789ABCDEF";
constexpr std::string_view kBadRequest = "<BADREQ>";
constexpr std::string_view kBraces = "{|}";  // around and between captured fields
constexpr std::string_view kListed = "{}|";  // the same, where those that are missing show as '-'
// A number, an address, a date with its punctuation.
constexpr std::size_t kFixedRoom = 64;

const std::string& host_name() {
  static const std::string name = [] {
    char text[256] = {};
    return std::string(::gethostname(text, sizeof text - 1) == 0 ? text : "");
  }();
  return name;
}

struct RequestWords {
  std::string_view method, uri, version;
};

/// The line was parsed already: three words, single spaces.
RequestWords words_of(std::string_view line) {
  const auto first = line.find(' '), last = line.rfind(' ');
  if (first == line.npos || first == last) return {};
  return {line.substr(0, first), line.substr(first + 1, last - first - 1), line.substr(last + 1)};
}

std::string_view before_query(std::string_view uri) {
  return uri.substr(0, uri.find('?'));
}

/// Of an absolute target what follows the authority; empty where that is nothing, as in "*".
std::string_view path_of(std::string_view uri) {
  std::string_view path = before_query(uri);
  if (path.starts_with('/')) return path;
  const auto scheme = path.find("://");
  path.remove_prefix(scheme == path.npos ? path.size() : scheme + 3);
  return path.substr(std::min(path.find('/'), path.size()));
}

/// From the '?' on; empty: there is none.
std::string_view query_of(std::string_view uri) {
  return uri.substr(before_query(uri).size());
}

std::int64_t span(TimePoint from, TimePoint to) {
  return from == kNever || to == kNever ? -1 : to_milliseconds(to - from);
}

/// Length of the well-formed UTF-8 character at the beginning of `text` (RFC 3629), 0 if none is.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xc2 ? 0
                           : lead < 0xe0 ? 2
                           : lead < 0xf0 ? 3
                           : lead < 0xf5 ? 4
                                         : 0;
  if (size == 0 || size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
  if (lead == 0xed && byte(1) > 0x9f) return 0;  // surrogates
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return size;
}

char* put_text(char* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

class Writer {
 public:
  Writer(char* at, const proxy::LogPattern& pattern, const AccessRecord& record, AccessClock& clock,
         std::size_t limit)
      : at_(at), json_(pattern.json), record_(record), clock_(clock), limit_(limit) {}

  char* end() const { return at_; }

  void put(const LogPiece& piece) {
    switch (piece.variable) {
      case V::Text: at_ = put_text(at_, piece.text); return;
      case V::ClientAddress: return address(piece, record_.client);
      case V::ClientPort: return port(piece, record_.client);
      case V::FrontendAddress: return known_address(piece, record_.destination);
      case V::FrontendPort: return known_port(piece, record_.destination);
      case V::RequestDate: return date(piece, record_.date);
      case V::AcceptDate: return date(piece, accept_date());
      case V::GmtDate: return long_date(piece, accept_date(), false);
      case V::LocalDate: return long_date(piece, accept_date(), true);
      case V::GmtRequestDate: return long_date(piece, record_.date, false);
      case V::LocalRequestDate: return long_date(piece, record_.date, true);
      case V::IsoDate: return value(piece, clock_.iso(record_.date));
      case V::AcceptSecond: return number(piece, second(accept_date()), 4);
      case V::AcceptMilliseconds: return accept_milliseconds();
      case V::Frontend: return value(piece, record_.frontend);
      case V::Backend: return value(piece, record_.backend);
      case V::Server:
        return value(piece, record_.server.empty() ? std::string_view("<NOSRV>") : record_.server);
      case V::SourceAddress: return known_address(piece, record_.source);
      case V::SourcePort: return known_port(piece, record_.source);
      case V::ServerAddress: return known_address(piece, record_.server_address);
      case V::ServerPort: return known_port(piece, record_.server_address);
      case V::TimeToRequest: return time(piece, span(record_.start, record_.received));
      case V::TimeInQueue:
        return time(piece, span(record_.received == kNever ? record_.start : record_.received,
                                record_.dequeued));
      case V::TimeToConnect: return time(piece, span(record_.dequeued, record_.connected));
      case V::TimeToResponse: return time(piece, span(record_.connected, record_.answered));
      case V::TimeActive: return time(piece, span(record_.start, record_.end));
      case V::TimeTotal: return time(piece, span(begin(), record_.end));
      case V::TimeOfHandshake: return time(piece, 0);
      case V::TimeIdle: return time(piece, span(begin(), record_.start));
      case V::TimeToRequestWithIdle: return time(piece, span(begin(), record_.received));
      case V::TimeOfData:
        return time(piece, span(record_.answered == kNever ? record_.connected : record_.answered,
                                record_.end));
      case V::Status: return time(piece, record_.status);
      case V::BytesOut: return number(piece, record_.bytes_out, 1);
      case V::BytesIn: return number(piece, record_.bytes_in, 1);
      case V::RequestCookie: return foreign(piece, record_.request_cookie, " ");
      case V::ResponseCookie: return foreign(piece, record_.response_cookie, " ");
      case V::Termination: return termination(piece, 2);
      case V::TerminationWithCookie: return termination(piece, 4);
      case V::ProcessConnections: return number(piece, record_.process_connections, 1);
      case V::FrontendConnections: return number(piece, record_.frontend_connections, 1);
      case V::BackendConnections: return number(piece, record_.backend_connections, 1);
      case V::ServerConnections: return number(piece, record_.server_connections, 1);
      case V::Retries:
        if (record_.redispatched && !json_) *at_++ = '+';
        return number(piece, record_.retries, 1);
      case V::Redispatched: at_ = put_text(at_, record_.redispatched ? "true" : "false"); return;
      case V::ServerQueue: return number(piece, record_.server_queue, 1);
      case V::BackendQueue: return number(piece, record_.backend_queue, 1);
      case V::RequestNumber: return number(piece, record_.number, 4);
      case V::LineNumber: return number(piece, record_.line_number, 4);
      case V::RequestHeaders: return captures(piece, record_.request_captures);
      case V::ResponseHeaders: return captures(piece, record_.response_captures);
      case V::RequestHeaderList: return list(piece, record_.request_captures);
      case V::ResponseHeaderList: return list(piece, record_.response_captures);
      case V::RequestHeader: return capture(piece, record_.request_captures);
      case V::ResponseHeader: return capture(piece, record_.response_captures);
      case V::RequestLine:
        return foreign(piece, record_.request_line.empty() ? kBadRequest : record_.request_line);
      case V::Method: return foreign(piece, words_of(record_.request_line).method);
      case V::Uri: return foreign(piece, words_of(record_.request_line).uri);
      case V::Version: return foreign(piece, words_of(record_.request_line).version);
      case V::UriBeforeQuery:
        return foreign(piece, before_query(words_of(record_.request_line).uri));
      case V::Path: return foreign(piece, path_of(words_of(record_.request_line).uri));
      case V::Query: return foreign(piece, query_of(words_of(record_.request_line).uri));
      case V::QueryText: {
        const std::string_view query = query_of(words_of(record_.request_line).uri);
        return foreign(piece, query.substr(query.empty() ? 0 : 1));
      }
      case V::HostName: return foreign(piece, host_name());
      case V::ProcessId: return number(piece, static_cast<std::uint64_t>(::getpid()), 4);
    }
  }

 private:
  TimePoint begin() const {
    return record_.idle_since == kNever ? record_.start : record_.idle_since;
  }
  WallTime accept_date() const { return record_.date - (record_.start - begin()); }
  static std::uint64_t second(WallTime time) {
    return static_cast<std::uint64_t>(
        std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  }

  void quote(const LogPiece& piece) {
    if (piece.quoted && !json_) *at_++ = '"';
  }

  /// A text of ours, which needs no escaping.
  void value(const LogPiece& piece, std::string_view text) {
    if (json_) {
      at_ = put_json_string(at_, text);
      return;
    }
    quote(piece);
    at_ = put_text(at_, text);
    quote(piece);
  }

  /// A text of somebody else's; empty: there is none. What of `special` stands in it is escaped
  /// too.
  void foreign(const LogPiece& piece, std::string_view text, std::string_view special = {}) {
    text = text.substr(0, limit_);
    if (json_) {
      at_ = text.empty() ? put_text(at_, "null") : put_json_string(at_, text);
      return;
    }
    quote(piece);
    if (text.empty() && !piece.quoted && special != kBraces) *at_++ = '-';
    escape(piece, text, special);
    quote(piece);
  }

  void escape(const LogPiece& piece, std::string_view text, std::string_view special) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (piece.backslashes && (c == '"' || c == '\\' || c == ']')) {
        *at_++ = '\\';
        *at_++ = c;
      } else if (byte >= 32 && byte < 127 && c != '"' && c != '#' &&
                 special.find(c) == special.npos) {
        *at_++ = c;
      } else {
        *at_++ = '#';
        *at_++ = kHex[byte >> 4];
        *at_++ = kHex[byte & 15];
      }
    }
  }

  void number(const LogPiece& piece, std::uint64_t value, int hex_digits) {
    if (!piece.hexadecimal || json_) {
      at_ = std::to_chars(at_, at_ + 24, value).ptr;
      return;
    }
    int digits = 1;
    while (digits < 16 && (value >> (4 * digits)) != 0) ++digits;
    for (int i = std::max(digits, hex_digits); i-- > 0;) *at_++ = kHex[(value >> (4 * i)) & 15];
  }

  /// Milliseconds, or a status: -1 where there is none, null in JSON.
  void time(const LogPiece&, std::int64_t value) {
    if (value < 0 && json_)
      at_ = put_text(at_, "null");
    else
      at_ = std::to_chars(at_, at_ + 24, value).ptr;
  }

  void address(const LogPiece& piece, const SocketAddress& endpoint) {
    char text[INET6_ADDRSTRLEN + 8];
    if (endpoint.unix_listener != 0) {
      *std::copy_n("unix", 4, text) = '\0';
    } else if (piece.hexadecimal && !json_) {
      for (std::size_t i = 0; i < endpoint.ip.size(); ++i) {
        *at_++ = kHex[endpoint.ip.data()[i] >> 4];
        *at_++ = kHex[endpoint.ip.data()[i] & 15];
      }
      return;
    } else {
      ::inet_ntop(endpoint.ip.is_v4() ? AF_INET : AF_INET6, endpoint.ip.data(), text, sizeof text);
    }
    value(piece, text);
  }

  void port(const LogPiece& piece, const SocketAddress& endpoint) {
    // Clients of a Unix socket are told as "unix:1", as in HAProxy's lines.
    number(piece, endpoint.unix_listener != 0 ? endpoint.unix_listener : endpoint.port, 4);
  }

  void known_address(const LogPiece& piece, const SocketAddress* endpoint) {
    endpoint ? address(piece, *endpoint) : foreign(piece, {});
  }

  void known_port(const LogPiece& piece, const SocketAddress* endpoint) {
    endpoint ? port(piece, *endpoint) : foreign(piece, {});
  }

  /// Without the brackets, which are the format's.
  void date(const LogPiece& piece, WallTime time) {
    const std::string_view stamp = clock_.stamp(time);
    value(piece, stamp.substr(1, stamp.size() - 2));
  }

  /// "21/Nov/2026:02:56:40 +0100"
  void long_date(const LogPiece& piece, WallTime date, bool is_local) {
    static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const auto time = static_cast<std::time_t>(second(date));
    std::tm parts{};
    if (is_local)
      localtime_r(&time, &parts);
    else
      gmtime_r(&time, &parts);
    const long offset = std::abs(parts.tm_gmtoff) / 60;
    char text[64];
    const auto end =
        fmt::format_to_n(text, sizeof text, "{:02}/{:.3}/{:04}:{:02}:{:02}:{:02} {}{:02}{:02}",
                         parts.tm_mday, std::string_view(kMonths + 3 * parts.tm_mon, 3),
                         parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec,
                         parts.tm_gmtoff < 0 ? '-' : '+', offset / 60, offset % 60)
            .out;
    value(piece, {text, static_cast<std::size_t>(end - text)});
  }

  void accept_milliseconds() {
    const auto since = accept_date().time_since_epoch();
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(
                          since - std::chrono::floor<std::chrono::seconds>(since))
                          .count();
    *at_++ = static_cast<char>('0' + rest / 100);
    *at_++ = static_cast<char>('0' + rest / 10 % 10);
    *at_++ = static_cast<char>('0' + rest % 10);
  }

  void termination(const LogPiece& piece, std::size_t letters) {
    const char text[] = {record_.termination.cause, record_.termination.phase,
                         record_.termination.cookie_in, record_.termination.cookie_out};
    value(piece, {text, letters});
  }

  /// "{a|b}"
  void captures(const LogPiece& piece, const CapturedFields* fields) {
    quote(piece);
    LogPiece inner = {.backslashes = piece.backslashes};
    for (std::size_t i = 0; i < piece.index; ++i) {
      *at_++ = i == 0 ? '{' : '|';
      foreign(inner, fields ? (*fields)[i] : std::string_view(), kBraces);
    }
    *at_++ = '}';
    quote(piece);
  }

  /// "a -", or "\"a\" \"\"" in quotes, each in its own.
  void list(const LogPiece& piece, const CapturedFields* fields) {
    for (std::size_t i = 0; i < piece.index; ++i) {
      if (i > 0) *at_++ = ' ';
      foreign(piece, fields ? (*fields)[i] : std::string_view(), kListed);
    }
  }

  void capture(const LogPiece& piece, const CapturedFields* fields) {
    foreign(piece, fields ? (*fields)[piece.index] : std::string_view());
  }

  char* at_;
  const bool json_;
  const AccessRecord& record_;
  AccessClock& clock_;
  const std::size_t limit_;
};

}  // namespace

std::size_t pattern_room(const proxy::LogPattern& pattern, const AccessRecord& record,
                         std::size_t limit) {
  // The longest foreign text there is.
  std::size_t longest =
      std::max({record.request_line.size(), kBadRequest.size(), record.request_cookie.size(),
                record.response_cookie.size(), host_name().size()});
  std::size_t captured = 0;
  for (const CapturedFields* fields : {record.request_captures, record.response_captures})
    if (fields) captured = std::max(captured, fields->bytes());
  longest = std::min(std::max(longest, captured), limit);
  const std::size_t names = record.frontend.size() + record.backend.size() + record.server.size();
  std::size_t room = 0;
  for (const LogPiece& piece : pattern.pieces) {
    const bool all = piece.variable == V::RequestHeaders || piece.variable == V::ResponseHeaders ||
                     piece.variable == V::RequestHeaderList ||
                     piece.variable == V::ResponseHeaderList;
    room += piece.variable == V::Text ? piece.text.size()
            : all                     ? kFixedRoom + 4u * piece.index + 6 * captured
                                      : kFixedRoom + 6 * (names + longest);
  }
  return room;
}

char* put_pattern(char* at, const proxy::LogPattern& pattern, const AccessRecord& record,
                  AccessClock& clock, std::size_t limit) {
  Writer writer(at, pattern, record, clock, limit);
  for (const LogPiece& piece : pattern.pieces) writer.put(piece);
  return writer.end();
}

char* put_object(char* at, const proxy::LogPattern& pattern, const AccessRecord& record,
                 AccessClock& clock, std::size_t limit, std::size_t room) {
  const auto size = [at](const char* end) { return static_cast<std::size_t>(end - at); };
  for (;; limit = limit > 256 ? 256 : limit / 2) {
    char* const end = put_pattern(at, pattern, record, clock, limit);
    if (size(end) <= room) return end;
    if (limit == 0) break;
  }
  Writer writer(at, pattern, record, clock, limit);
  char* fits = at + 1;  // behind the brace that opens the object
  std::size_t open = 0, to_close = 1;
  for (const LogPiece& piece : pattern.pieces) {
    writer.put(piece);
    if (piece.variable == V::Text) {
      open += static_cast<std::size_t>(std::count(piece.text.begin(), piece.text.end(), '{'));
      open -= static_cast<std::size_t>(std::count(piece.text.begin(), piece.text.end(), '}'));
    } else if (size(writer.end()) + open <= room) {
      fits = writer.end();
      to_close = open;
    } else {
      break;
    }
  }
  return std::fill_n(fits, to_close, '}');
}

char* put_json_string(char* at, std::string_view text) {
  *at++ = '"';
  while (!text.empty()) {
    const std::size_t size = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (size == 0) {
      at = put_text(at, "\\ufffd");
    } else if (byte == '"' || byte == '\\') {
      *at++ = '\\';
      *at++ = text[0];
    } else if (byte < 0x20 || byte == 0x7f ||
               (byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0)) {
      // Control characters, those above 0x7f too: a terminal would obey them.
      const unsigned code = size == 1 ? byte : static_cast<unsigned char>(text[1]);
      at = put_text(at, "\\u00");
      *at++ = kHex[code >> 4];
      *at++ = kHex[code & 15];
    } else {
      at = put_text(at, text.substr(0, size));
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  *at++ = '"';
  return at;
}

}  // namespace hapair::exchange
