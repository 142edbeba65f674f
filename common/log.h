// What a log line is: its severity, facility and target, and its bytes on the wire.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/clock.h"
#include "common/error.h"

namespace hapair {

enum class Severity { Emergency, Alert, Critical, Error, Warning, Notice, Info, Debug };

Result<Severity> parse_severity(std::string_view word);     // "notice" and HAProxy's abbreviations
Result<int> parse_facility(std::string_view word);          // "local0" -> 16
const std::vector<std::string>& severity_words();
const std::vector<std::string>& facility_words();

/// One `[[global.log]]`: where lines go, and which of them.
struct LogTarget {
  enum class Transport { Udp, UnixDatagram, Stderr };
  Transport transport = Transport::Udp;
  SocketAddress address;                    // Udp
  std::string path;                         // UnixDatagram
  int facility = 3;                         // daemon
  Severity level = Severity::Debug;         // nothing less severe is sent
  std::string tag;                          // empty: the program's name
  std::size_t length = 1024;                // bytes; longer lines are cut

  /// Reads "udp:127.0.0.1:514", "127.0.0.1:514", "udp:127.0.0.1", "unix:/dev/log", "/dev/log", "stderr".
  static Result<LogTarget> parse(std::string_view text);
  friend bool operator==(const LogTarget&, const LogTarget&) = default;
};

/// The local-time stamp of RFC 3164, "Nov 21 02:56:40", made again only when the second changes.
class Rfc3164Clock {
 public:
  std::string_view stamp(WallTime now);

 private:
  std::int64_t second_ = -1;
  char text_[16] = {};
};

/// Takes finished lines. Implementations decide where they go and never block the caller.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual void write(Severity severity, std::string_view text) = 0;

  template <typename... Args>
  void log(Severity severity, fmt::format_string<Args...> format, Args&&... args) {
    write(severity, fmt::format(format, std::forward<Args>(args)...));
  }
};

}  // namespace hapair
