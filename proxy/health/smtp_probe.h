// Greets a mail server and takes its leave.
#pragma once

#include <string>

#include "proxy/health/conversation.h"

namespace hapair::health {

/// RFC 5321: 220, our HELO or EHLO, 250, QUIT.
class SmtpProbe final : public Conversation {
 public:
  /// "HELO localhost"
  explicit SmtpProbe(const std::string& hello) : hello_(hello + "\r\n") {}

  bool server_talks_first() const override { return true; }
  Turn begin() override;
  Turn on_bytes(std::string_view bytes) override;
  ProbeResult on_end(int error_number) override;

 private:
  const std::string hello_;
  bool greeted_ = false;
  std::string received_;
  std::string sending_;
};

}  // namespace hapair::health
