// Decides from the proxy's heartbeat whether this node can serve.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/health_message.h"
#include "vrrp/core/priority.h"

namespace hapair::vrrp {

/// Pure: the owner holds the connection and brings what comes over it, and the time.
///
/// A dead proxy is known when its connection closes, a hung one when kMissedBeats beats are missing. A
/// look that comes late counts for none: whoever was kept from running here was kept there, too.
/// One that starts is not believed before it says that it serves.
class ProxyWatch {
 public:
  struct Settings {
    std::vector<std::string> backends;  // those that must have a usable server
  };
  explicit ProxyWatch(Settings settings) : settings_(std::move(settings)) {}

  void on_connected(TimePoint now);
  /// Also: the first try to connect has failed.
  void on_disconnected();
  void on_message(const HealthMessage& message, TimePoint now);
  void on_deadline(TimePoint now);

  /// Of the proxy itself. A draining one still serves.
  Verdict verdict() const;
  /// Whether the named backends have usable servers, as far as the proxy says. Without any it is good.
  Verdict served() const;
  /// It asks to be left: the address should go, without haste.
  bool is_leaving() const { return state_ == State::Draining; }
  /// What is wrong, for people; empty while nothing is.
  std::string trouble() const;
  TimePoint deadline() const { return deadline_; }

 private:
  enum class State : std::uint8_t {
    Unknown,    // nothing was heard yet
    Absent,     // no connection
    Silent,     // connected, and nothing said yet
    Starting,
    Serving,
    Draining,
    Stopping,
    Hung,
  };

  Settings settings_;
  State state_ = State::Unknown;
  std::optional<std::string> unserved_;  // the first named backend without a usable server
  Duration interval_{};                  // between beats
  int missed_ = 0;
  TimePoint heard_at_{};
  TimePoint deadline_ = kNever;          // of the next one
  Duration silence_{};                   // of a hung one
};

}  // namespace hapair::vrrp
