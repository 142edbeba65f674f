// Greets a MySQL or MariaDB server, and logs in without a password if it has a user for that.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/health/conversation.h"

namespace hapair::health {

/// Protocol 4.1. Without a user the greeting alone is judged, and the server counts an interrupted
/// handshake: after max_connect_errors of them it may refuse this host.
class MysqlProbe final : public Conversation {
 public:
  explicit MysqlProbe(std::string user) : user_(std::move(user)) {}

  bool server_talks_first() const override { return true; }
  Turn begin() override;
  Turn on_bytes(std::string_view bytes) override;
  ProbeResult on_end(int error_number) override;

 private:
  std::optional<ProbeResult> on_packet(std::uint8_t sequence, std::string_view payload);
  ProbeResult passed(std::string_view farewell);

  const std::string user_;
  bool greeted_ = false;
  std::string version_;
  std::string received_;
  std::string sending_;
};

}  // namespace hapair::health
