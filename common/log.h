// What a log line is: its severity, facility and target, and its bytes on the wire.
#pragma once

#include <cstdint>
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

/// One `[[global.log]]`: where lines go, which of them, and in what form.
struct LogTarget {
  enum class Transport { Udp, Tcp, UnixDatagram, UnixStream, Stderr, Stdout, File, Journal };
  enum class Format {
    Local,    // RFC 3164 without a host name, as local daemons write it
    Rfc3164,  // with one, as relays do
    Rfc5424,
    Raw,      // the text alone
  };
  /// How one line is told from the next on a stream: RFC 6587 3.4.1 or 3.4.2.
  enum class Framing { Octets, Lines };
  /// So many of so many access lines.
  struct Sample {
    unsigned take = 1;
    unsigned of = 1;
    friend bool operator==(const Sample&, const Sample&) = default;
  };

  Transport transport = Transport::Udp;
  SocketAddress address;                    // Udp, Tcp
  std::string path;                         // Unix sockets, File
  Format format = Format::Local;
  Framing framing = Framing::Octets;        // Tcp, UnixStream
  int facility = 3;                         // daemon
  Severity level = Severity::Debug;         // nothing less severe is sent
  Severity min_level = Severity::Emergency; // graver lines are sent as if they had this level
  std::string tag;                          // empty: the program's name
  std::size_t length = 1024;                // bytes without framing; longer lines are cut
  Sample sample;

  bool is_stream() const { return transport == Transport::Tcp || transport == Transport::UnixStream; }
  bool is_console() const {
    return transport == Transport::Stderr || transport == Transport::Stdout;
  }
  /// As parse() reads it, for messages.
  std::string name() const;

  /// Reads "udp:127.0.0.1:514", "127.0.0.1:514", "udp:127.0.0.1", "tcp:…", "unix:/dev/log", "/dev/log",
  /// "unix-stream:/path", "file:/path", "stderr", "stdout", "journald".
  static Result<LogTarget> parse(std::string_view text);
  friend bool operator==(const LogTarget&, const LogTarget&) = default;
};

/// All of both.
std::vector<LogTarget> joined(std::vector<LogTarget> targets, const std::vector<LogTarget>& others);

/// Reads "1/10".
Result<LogTarget::Sample> parse_sample(std::string_view text);

/// What one file may name: a thread opens no more than a LogRoute has bits.
inline constexpr std::size_t kMostLogTargets = 24;

/// A set of targets that one thread has opened; which, its LogShipper knows.
using LogRoute = std::uint64_t;

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
