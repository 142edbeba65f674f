// An access log's own format: a string with HAProxy's variables, or JSON, compiled into pieces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace hapair::proxy {

enum class LogVariable : std::uint8_t {
  Text,
  ClientAddress,
  ClientPort,
  FrontendAddress,
  FrontendPort,
  RequestDate,
  AcceptDate,
  GmtDate,
  LocalDate,
  GmtRequestDate,
  LocalRequestDate,
  IsoDate,
  AcceptSecond,
  AcceptMilliseconds,
  Frontend,
  Backend,
  SourceAddress,
  SourcePort,
  Server,
  ServerAddress,
  ServerPort,
  TimeToRequest,
  TimeInQueue,
  TimeToConnect,
  TimeToResponse,
  TimeActive,
  TimeTotal,
  TimeOfHandshake,
  TimeIdle,
  TimeToRequestWithIdle,
  TimeOfData,
  Status,
  BytesOut,
  BytesIn,
  RequestCookie,
  ResponseCookie,
  Termination,
  TerminationWithCookie,
  ProcessConnections,
  FrontendConnections,
  BackendConnections,
  ServerConnections,
  Retries,
  Redispatched,
  ServerQueue,
  BackendQueue,
  RequestNumber,
  LineNumber,
  RequestHeaders,
  ResponseHeaders,
  RequestHeaderList,
  ResponseHeaderList,
  RequestHeader,
  ResponseHeader,
  RequestLine,
  Method,
  UriBeforeQuery,
  Path,
  Query,      // with its '?'
  QueryText,  // without
  Uri,
  Version,
  HostName,
  ProcessId,
};

/// One header field whose value log lines may show.
struct HeaderCapture {
  std::string name;
  std::size_t length = 128;  // bytes; more of a value is left out
};

/// The cookie whose name and value log lines may show.
struct CookieCapture {
  std::string name;          // or how it begins,
  bool whole = false;        // unless this is all of it
  std::size_t length = 128;  // bytes of "name=value"; more is left out
};

struct LogPiece {
  LogVariable variable = LogVariable::Text;
  bool quoted = false;       // {+Q}
  bool hexadecimal = false;  // {+X}: addresses, ports, numbers
  bool backslashes =
      false;                // {+E}: '"', '\' and ']' with a backslash, as RFC 5424 values have them
  std::uint16_t index = 0;  // of a captured field; of all of them: how many there are
  std::string text;         // Text
};

struct LogPattern {
  std::vector<LogPiece> pieces;
  bool json = false;  // values are written as JSON has them

  bool uses(LogVariable variable) const;
};

/// What a pattern may speak of.
struct LogScope {
  bool http = true;
  std::vector<HeaderCapture> request_headers;
  std::vector<HeaderCapture> response_headers;
  bool cookie = false;  // is captured
};

struct LogPatternMistake {
  std::size_t column = 0;  // in the string, from 1
  std::string message;
  std::string hint;
};

tl::expected<LogPattern, LogPatternMistake> parse_log_pattern(std::string_view text,
                                                              const LogScope& scope);
LogPattern json_log_pattern(const LogScope& scope);

/// HAProxy's formats "http" and "tcp" as strings.
extern const std::string_view kHttpLogFormat;
extern const std::string_view kTcpLogFormat;

}  // namespace hapair::proxy
