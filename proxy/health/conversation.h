// What a probe says to a server, and what it makes of the answers.
#pragma once

#include <optional>
#include <string_view>

#include "proxy/health/probe.h"

namespace hapair::health {

/// Pure: the owner connects, carries the bytes, keeps the time and adds the duration. One at a time;
/// used again for probe after probe.
class Conversation {
 public:
  struct Turn {
    std::string_view send;               // valid until the next call
    std::optional<ProbeResult> verdict;  // the end; what there is to send are farewells
  };
  virtual ~Conversation() = default;

  /// The server greets; until then we say nothing.
  virtual bool server_talks_first() const { return false; }
  /// The connection stands. Forgets all of the one before.
  virtual Turn begin() = 0;
  virtual Turn on_bytes(std::string_view bytes) = 0;
  /// The server closed (error_number 0) or reset before a verdict.
  virtual ProbeResult on_end(int error_number) = 0;
  /// The time is up.
  virtual ProbeResult on_timeout() const { return {.status = ProbeStatus::L7Timeout}; }

 protected:
  // More than this is no answer to a probe.
  static constexpr std::size_t kMostBytes = 64 * 1024;
};

}  // namespace hapair::health
