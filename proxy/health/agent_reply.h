// What a server's agent says of it, in one line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/health/conversation.h"

namespace hapair::health {

struct AgentReply {
  enum class Wish : std::uint8_t { Ready, Drain, Maintenance };
  std::optional<Wish> wish;
  std::optional<bool> up;              // up; or down, stopped, fail
  std::optional<unsigned> percent;     // of the configured weight, 0…
  std::optional<unsigned> weight;      // absolute, 0..256
  std::optional<unsigned> maxconn;
  ProbeResult result;                  // what statistics and log say of it
};

/// "75%", "weight:75%", "weight:7", "maxconn:20", "ready", "drain", "maint", "up", "down", "stopped",
/// "fail", in small or capital letters, divided by blanks, tabs or commas; "#" begins the reason,
/// which is for people. A word that is none of these makes the whole line count for nothing.
AgentReply parse_agent_reply(std::string_view line);

/// Reads one line, or what came until the agent closed.
class AgentProbe final : public Conversation {
 public:
  /// `send`: for agents that want to be asked.
  explicit AgentProbe(std::string send) : send_(std::move(send)) {}

  bool server_talks_first() const override { return send_.empty(); }
  Turn begin() override;
  Turn on_bytes(std::string_view bytes) override;
  ProbeResult on_end(int error_number) override;
  /// Of the last probe, if it got one.
  const std::optional<AgentReply>& reply() const { return reply_; }

 private:
  const std::string send_;
  std::string line_;
  std::optional<AgentReply> reply_;
};

}  // namespace hapair::health
