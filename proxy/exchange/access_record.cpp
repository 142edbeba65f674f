#include "proxy/exchange/access_record.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace hapair::exchange {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

/// Bytes that stand for themselves in a line.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 32; byte < 127; ++byte) plain[byte] = byte != '"' && byte != '#';
  return plain;
}();

/// `also` is one more byte that must not stand in the text.
char* escape(char* at, std::string_view text, char also = '#') {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain[byte] && c != also) {
      *at++ = c;
      continue;
    }
    *at++ = '#';
    *at++ = kHex[byte >> 4];
    *at++ = kHex[byte & 15];
  }
  return at;
}

/// Writes where somebody made enough room: bounds checks per field would be most of what a line
/// costs.
class Line {
 public:
  explicit Line(char* at) : at_(at) {}

  char* end() const { return at_; }
  Line& operator<<(char c) {
    *at_++ = c;
    return *this;
  }
  Line& operator<<(std::string_view text) {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  template <std::integral T>
  requires(!std::same_as<T, char>) Line& operator<<(T number) {
    if (number >= 0 && number <= 9)
      *at_++ = static_cast<char>('0' + number);
    else
      at_ = std::to_chars(at_, at_ + 24, number).ptr;
    return *this;
  }
  void escaped(std::string_view text) { at_ = escape(at_, text); }
  /// One column: nothing of it is a blank.
  void word(std::string_view text) {
    if (text.empty())
      *at_++ = '-';
    else
      at_ = escape(at_, text, ' ');
  }

 private:
  char* at_;
};

// "10.0.0.1:39978"; an IPv6 address stands without brackets, as in HAProxy's log.
void append_endpoint(Line& line, const SocketAddress& endpoint) {
  if (endpoint.unix_listener != 0) {
    line << "unix:" << endpoint.unix_listener;
    return;
  }
  if (endpoint.ip.is_v4()) {
    const std::uint8_t* byte = endpoint.ip.data();
    line << unsigned{byte[0]} << '.' << unsigned{byte[1]} << '.' << unsigned{byte[2]} << '.'
         << unsigned{byte[3]};
  } else {
    char text[INET6_ADDRSTRLEN];
    line << std::string_view(inet_ntop(AF_INET6, endpoint.ip.data(), text, sizeof text));
  }
  line << ':' << endpoint.port;
}

// Milliseconds from one point to the next, -1 if either was not reached.
std::int64_t span(TimePoint from, TimePoint to) {
  return from == kNever || to == kNever ? -1 : to_milliseconds(to - from);
}

void append_names(Line& line, const AccessRecord& record) {
  line << ' ' << record.frontend << ' ' << record.backend << '/'
       << (record.server.empty() ? std::string_view("<NOSRV>") : record.server) << ' ';
}

// " 1/1/0/0/0 0/0"
void append_counts(Line& line, const AccessRecord& record) {
  line << ' ' << record.process_connections << '/' << record.frontend_connections << '/'
       << record.backend_connections << '/' << record.server_connections << '/';
  if (record.redispatched) line << '+';
  line << record.retries << ' ' << record.server_queue << '/' << record.backend_queue;
}

}  // namespace

int AccessClock::milliseconds_of(WallTime date) {
  const auto since = date.time_since_epoch();
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(
                              since - std::chrono::floor<std::chrono::seconds>(since))
                              .count());
}

std::string_view AccessClock::stamp(WallTime date) {
  const auto second = std::chrono::floor<std::chrono::seconds>(date.time_since_epoch());
  if (second.count() != second_) renew(second.count());
  const int milliseconds = milliseconds_of(date);
  char* at = text_.data() + kMilliseconds;
  *at++ = static_cast<char>('0' + milliseconds / 100);
  *at++ = static_cast<char>('0' + milliseconds / 10 % 10);
  *at++ = static_cast<char>('0' + milliseconds % 10);
  *at = ']';
  return {text_.data(), text_.size()};
}

std::string_view AccessClock::iso(WallTime date) {
  const auto second = std::chrono::floor<std::chrono::seconds>(date.time_since_epoch());
  if (second.count() != second_) renew(second.count());
  const int milliseconds = milliseconds_of(date);
  char* at = iso_.data() + kIsoMilliseconds;
  *at++ = static_cast<char>('0' + milliseconds / 100);
  *at++ = static_cast<char>('0' + milliseconds / 10 % 10);
  *at = static_cast<char>('0' + milliseconds % 10);
  return {iso_.data(), iso_size_};
}

// HAProxy's names whatever the locale, so no strftime.
void AccessClock::renew(std::int64_t second) {
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  second_ = second;
  const std::time_t time = second;
  std::tm local{};
  localtime_r(&time, &local);
  char* at = text_.data();
  const auto two = [&at](int number) {
    *at++ = static_cast<char>('0' + number / 10 % 10);
    *at++ = static_cast<char>('0' + number % 10);
  };
  *at++ = '[';
  two(local.tm_mday);
  *at++ = '/';
  at = static_cast<char*>(std::memcpy(at, kMonths[local.tm_mon], 3)) + 3;
  *at++ = '/';
  two((local.tm_year + 1900) / 100);
  two(local.tm_year % 100);
  for (const int number : {local.tm_hour, local.tm_min, local.tm_sec}) {
    *at++ = ':';
    two(number);
  }
  *at = '.';
  const long offset = std::abs(local.tm_gmtoff) / 60;
  iso_size_ = fmt::format_to_n(iso_.data(), iso_.size(),
                               "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000{}{:02}:{:02}",
                               local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour,
                               local.tm_min, local.tm_sec, local.tm_gmtoff < 0 ? '-' : '+',
                               offset / 60, offset % 60)
                  .size;
}

bool went_well(const AccessRecord& record) {
  // Our own answers (statistics, redirects) are no errors, unlike those of the farm's state.
  const char cause = record.termination.cause;
  return (cause == '-' || cause == 'L') && record.retries == 0 && !record.redispatched &&
         record.status < 500;
}

std::size_t line_room(const AccessRecord& record, std::size_t limit) {
  // Twenty numbers of at most 20 digits, an IPv6 address, a date and the punctuation are below 600.
  return 600 + record.frontend.size() + record.backend.size() + record.server.size() +
         3 * (record.request_cookie.size() + record.response_cookie.size()) +
         3 * std::min(limit, record.request_line.size());
}

char* put_httplog(char* at, const AccessRecord& record, AccessClock& clock, std::size_t limit) {
  Line line(at);
  append_endpoint(line, record.client);
  line << ' ' << clock.stamp(record.date);
  append_names(line, record);
  line << span(record.start, record.received) << '/' << span(record.received, record.dequeued)
       << '/' << span(record.dequeued, record.connected) << '/'
       << span(record.connected, record.answered) << '/' << span(record.start, record.end) << ' '
       << record.status << ' ' << record.bytes_out << ' ';
  line.word(record.request_cookie);
  line << ' ';
  line.word(record.response_cookie);
  line << ' ' << record.termination.cause << record.termination.phase
       << record.termination.cookie_in << record.termination.cookie_out;
  append_counts(line, record);
  line << " \"";
  if (record.request_line.empty())
    line << "<BADREQ>";
  else
    line.escaped(record.request_line.substr(0, limit));
  line << '"';
  return line.end();
}

char* put_tcplog(char* at, const AccessRecord& record, AccessClock& clock) {
  Line line(at);
  append_endpoint(line, record.client);
  line << ' ' << clock.stamp(record.date);
  append_names(line, record);
  line << span(record.start, record.dequeued) << '/' << span(record.dequeued, record.connected)
       << '/' << span(record.start, record.end) << ' ' << record.bytes_out << ' '
       << record.termination.cause << record.termination.phase;
  append_counts(line, record);
  return line.end();
}

std::string refusal_line(const SocketAddress& client, std::string_view stamp,
                         std::string_view frontend, unsigned listener, std::string_view why) {
  char endpoint[64];
  Line line(endpoint);
  append_endpoint(line, client);
  return fmt::format("{} {} {}/{}: {}", std::string_view(endpoint, line.end()), stamp, frontend,
                     listener, why);
}

void append_escaped(std::string& out, std::string_view text) {
  const std::size_t old = out.size();
  out.resize(old + 3 * text.size());
  const char* end = escape(out.data() + old, text);
  out.resize(static_cast<std::size_t>(end - out.data()));
}

}  // namespace hapair::exchange
