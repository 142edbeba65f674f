// One probe of a server: the bytes to send, and what the answer means.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/clock.h"

namespace hapair::health {

enum class ProbeStatus {
  Initializing,  // no probe has ended yet
  L4Ok,          // connected, and that is all that was asked
  L4Refused,     // connection refused, reset or unreachable
  L4Timeout,
  L7Ok,         // the answer that was wanted; HTTP: 2xx or 3xx if nothing else was
  L7OkConditional,  // 404 where that means: no new work, please
  L7Invalid,    // not HTTP, or closed before the status line was complete
  L7Timeout,    // connected, but no answer in time
  L7Status,     // understood, but not what was wanted
  CommandOk,
  CommandFailed,
  CommandTimeout,
  NoChange,     // an agent that said nothing of its server's health
  Observed,     // no probe: the traffic went wrong too often
  SocketError,  // our own side: no descriptor, no port
};

/// HAProxy's word of the statistics: "L7OK", "L4CON", "L7TOUT", … "INI".
std::string_view short_code(ProbeStatus status);
/// HAProxy's phrase of the log: "Layer7 check passed", "Layer4 connection problem", …
std::string_view description(ProbeStatus status);

struct ProbeResult {
  ProbeStatus status = ProbeStatus::Initializing;
  int code = -1;        // HTTP status, exit status, or the protocol's own; -1: none
  std::string info{};   // "Connection refused", "Not Found"; empty when there is nothing to add
  Duration duration{};  // from the start of the connection to the verdict

  bool passed() const {
    return status == ProbeStatus::L4Ok || status == ProbeStatus::L7Ok ||
           status == ProbeStatus::L7OkConditional || status == ProbeStatus::CommandOk;
  }
};

/// Bytes of an HTTP probe: the request line and an empty line, no header field at all, as
/// HAProxy's bare `option httpchk` sends it ("OPTIONS / HTTP/1.0\r\n\r\n").
std::string probe_request(std::string_view method, std::string_view target,
                          std::string_view version);

/// How the stages before any answer end. `error_number` is connect's errno. The owner adds the
/// duration.
ProbeResult connect_passed();
ProbeResult connect_failed(int error_number);
/// The time is up: before the connection stood (Layer 4) or after (Layer 7).
ProbeResult timed_out(bool connected);
/// True for an errno that says nothing about the server: this machine could not even try.
bool is_our_own(int error_number);
/// We could not even try (socket, bind): errno of our own side.
ProbeResult not_started(int error_number);

/// Reads the status line of the answer to an HTTP probe, however the bytes are cut; what follows
/// the line does not matter.
class StatusLineReader {
 public:
  /// A verdict as soon as there is one; feed no more after that. The owner adds the duration.
  std::optional<ProbeResult> on_bytes(std::string_view bytes);
  /// The server closed (error_number 0) or reset before a verdict.
  ProbeResult on_end(int error_number = 0) const;

 private:
  // A status line longer than this is none.
  static constexpr std::size_t kLongestLine = 1024;
  std::string line_;
};

}  // namespace hapair::health
