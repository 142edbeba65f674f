// Introduces itself to a PostgreSQL server, and sees whether it would be let in.
#pragma once

#include <string>

#include "proxy/health/conversation.h"

namespace hapair::health {

/// Protocol 3.0: a startup message. To be asked for a password is enough; who is asked for none waits
/// until a session is open, since only then the server says that there is no such role.
class PostgresqlProbe final : public Conversation {
 public:
  explicit PostgresqlProbe(std::string_view user);

  Turn begin() override;
  Turn on_bytes(std::string_view bytes) override;
  ProbeResult on_end(int error_number) override;

 private:
  std::optional<ProbeResult> on_message(char kind, std::string_view body);

  std::string startup_;
  bool let_in_ = false;
  std::string received_;
};

}  // namespace hapair::health
