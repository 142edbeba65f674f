// One probe of a server: the bytes to send, and what the answer means.
#pragma once

#include <string>
#include <string_view>

#include "common/clock.h"

namespace hapair::health {

enum class ProbeStatus {
  Initializing,  // no probe has ended yet
  L4Ok,          // connected, and that is all that was asked
  L4Refused,     // connection refused, reset or unreachable
  L4Timeout,
  L6Ok,         // the TLS handshake is done, and that is all that was asked
  L6Invalid,    // no TLS, or a certificate that is not to be believed
  L6Timeout,    // connected, but no handshake in time
  L7Ok,         // the answer that was wanted; HTTP: 2xx or 3xx if nothing else was
  L7OkConditional,  // 404 where that means: no new work, please
  L7Invalid,    // not HTTP, or closed before the status line was complete
  L7Timeout,    // spoken to, but no answer in time
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
    using enum ProbeStatus;
    return status == L4Ok || status == L6Ok || status == L7Ok || status == L7OkConditional ||
           status == CommandOk;
  }
};

/// How the stages before any answer end. `error_number` is connect's errno. The owner adds the
/// duration.
ProbeResult connect_passed();
ProbeResult connect_failed(int error_number);
/// True for an errno that says nothing about the server: this machine could not even try.
bool is_our_own(int error_number);
/// We could not even try (socket, bind): errno of our own side.
ProbeResult not_started(int error_number);

}  // namespace hapair::health
