// Introduces itself to a PostgreSQL server: whether the user may come in does not matter.
#pragma once

#include <string>

#include "proxy/health/conversation.h"

namespace hapair::health {

/// Protocol 3.0: a startup message; the server asks for authentication, or says what is wrong.
class PostgresqlProbe final : public Conversation {
 public:
  explicit PostgresqlProbe(std::string_view user);

  Turn begin() override;
  Turn on_bytes(std::string_view bytes) override;
  ProbeResult on_end(int error_number) override;

 private:
  std::string startup_;
  std::string received_;
};

}  // namespace hapair::health
