// What the proxy says of itself to whoever decides where the address is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"

namespace hapair {

/// One beat. It is sent only when every worker has just run and accepts, so its coming says as much as
/// what is in it; silence for kMissedBeats intervals is a hung proxy, and the end of the connection a
/// dead one.
struct HealthMessage {
  enum class State : std::uint8_t {
    Starting,  // listens, but its first round of checks is not done
    Serving,
    Draining,  // takes no new work; what it has goes on
    Stopping,  // ends now
  };
  State state = State::Starting;
  std::uint64_t sequence = 0;  // of this process's beats
  Duration interval{};         // to the next one
  unsigned workers = 0;
  std::vector<std::string> unserved;  // backends without a usable server
  friend bool operator==(const HealthMessage&, const HealthMessage&) = default;
};

inline constexpr int kMissedBeats = 3;
/// All a listener says: the node's addresses are elsewhere, a proxy that drains need not wait; and the
/// node has just taken an address over.
inline constexpr std::string_view kHealthLeft = "left";
inline constexpr std::string_view kHealthTaken = "taken";

std::string_view to_string(HealthMessage::State state);

/// A datagram's worth of text, a line a field. Lines of a later version are passed over.
std::string encode(const HealthMessage& message);
std::optional<HealthMessage> decode_health(std::string_view text);

}  // namespace hapair
