// Binds anonymously to a directory server.
#pragma once

#include <string>

#include "proxy/health/conversation.h"

namespace hapair::health {

/// RFC 4511: a bind request of version 3 without name and password; success is result code 0.
class LdapProbe final : public Conversation {
 public:
  Turn begin() override;
  Turn on_bytes(std::string_view bytes) override;
  ProbeResult on_end(int error_number) override;

 private:
  std::string received_;
};

}  // namespace hapair::health
