#include "proxy/exchange/access_record.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>
#include <ctime>

namespace hapair::exchange {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

/// Writes at the end of a string through a buffer on the stack: one append per line piece instead
/// of one per field, which is most of what a line costs.
class Line {
 public:
  explicit Line(std::string& out) : out_(out) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() { flush(); }

  Line& operator<<(char c) {
    if (at_ == sizeof buffer_) flush();
    buffer_[at_++] = c;
    return *this;
  }
  Line& operator<<(std::string_view text) {
    if (text.size() > sizeof buffer_ - at_) {
      flush();
      if (text.size() > sizeof buffer_) {
        out_.append(text);
        return *this;
      }
    }
    std::memcpy(buffer_ + at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  template <std::integral T>
  requires(!std::same_as<T, char>) Line& operator<<(T number) {
    if (sizeof buffer_ - at_ < 24) flush();
    const auto result = std::to_chars(buffer_ + at_, buffer_ + sizeof buffer_, number);
    at_ = static_cast<std::size_t>(result.ptr - buffer_);
    return *this;
  }
  void flush() {
    out_.append(buffer_, at_);
    at_ = 0;
  }

 private:
  std::string& out_;
  std::size_t at_ = 0;
  char buffer_[512];
};

// "10.0.0.1:39978"; an IPv6 address stands without brackets, as in HAProxy's log.
void append_endpoint(Line& line, const SocketAddress& endpoint) {
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

bool needs_escape(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 32 || byte >= 127 || c == '"' || c == '#';
}

template <typename Out>
void escape(std::string_view text, Out append) {
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!needs_escape(text[i])) continue;
    append(text.substr(plain, i - plain));
    const auto byte = static_cast<unsigned char>(text[i]);
    const char code[] = {'#', kHex[byte >> 4], kHex[byte & 15]};
    append(std::string_view(code, sizeof code));
    plain = i + 1;
  }
  append(text.substr(plain));
}

}  // namespace

void AccessClock::append(std::string& out, WallTime date) {
  const auto since = date.time_since_epoch();
  const auto second = std::chrono::floor<std::chrono::seconds>(since);
  if (second.count() != second_) {
    second_ = second.count();
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t time = second_;
    std::tm local{};
    localtime_r(&time, &local);
    // HAProxy's names whatever the locale, so no strftime.
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
    *at++ = '.';
    size_ = static_cast<std::size_t>(at - text_.data());
  }
  const auto milliseconds = static_cast<int>(
      std::chrono::duration_cast<std::chrono::milliseconds>(since - second).count());
  const char tail[] = {static_cast<char>('0' + milliseconds / 100),
                       static_cast<char>('0' + milliseconds / 10 % 10),
                       static_cast<char>('0' + milliseconds % 10), ']'};
  out.append(text_.data(), size_).append(tail, sizeof tail);
}

void append_httplog(std::string& out, const AccessRecord& record, AccessClock& clock) {
  Line line(out);
  append_endpoint(line, record.client);
  line << " ";
  line.flush();
  clock.append(out, record.date);
  append_names(line, record);
  line << span(record.start, record.received) << '/' << span(record.received, record.dequeued)
       << '/' << span(record.dequeued, record.connected) << '/'
       << span(record.connected, record.answered) << '/' << span(record.start, record.end) << ' '
       << record.status << ' ' << record.bytes_out << ' ' << record.request_cookie << ' '
       << record.response_cookie << ' ' << record.termination.cause << record.termination.phase
       << record.termination.cookie_in << record.termination.cookie_out;
  append_counts(line, record);
  for (const std::string_view captured : {record.request_headers, record.response_headers})
    if (!captured.empty()) line << ' ' << captured;
  line << " \"";
  if (record.request_line.empty())
    line << "<BADREQ>";
  else
    escape(record.request_line, [&line](std::string_view piece) { line << piece; });
  line << '"';
}

void append_tcplog(std::string& out, const AccessRecord& record, AccessClock& clock) {
  Line line(out);
  append_endpoint(line, record.client);
  line << " ";
  line.flush();
  clock.append(out, record.date);
  append_names(line, record);
  line << span(record.start, record.dequeued) << '/' << span(record.dequeued, record.connected)
       << '/' << span(record.start, record.end) << ' ' << record.bytes_out << ' '
       << record.termination.cause << record.termination.phase;
  append_counts(line, record);
}

void append_escaped(std::string& out, std::string_view text) {
  escape(text, [&out](std::string_view piece) { out.append(piece); });
}

}  // namespace hapair::exchange
