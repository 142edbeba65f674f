// Asks a Redis server for a PONG.
#pragma once

#include <string>

#include "proxy/health/conversation.h"

namespace hapair::health {

class RedisProbe final : public Conversation {
 public:
  Turn begin() override;
  Turn on_bytes(std::string_view bytes) override;
  ProbeResult on_end(int error_number) override;

 private:
  std::string line_;
};

}  // namespace hapair::health
