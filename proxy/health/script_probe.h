// A conversation that somebody wrote down: say this, wait for that.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/regex.h"
#include "proxy/health/conversation.h"

namespace hapair::health {

struct ScriptStep {
  enum class Kind : std::uint8_t { Send, Expect, ExpectPattern };
  Kind kind = Kind::Send;
  std::string bytes;             // Send, Expect
  std::optional<Regex> pattern;  // ExpectPattern
  std::string reject;            // Expect…: if this is there before what is expected, that is the end
  bool binary = false;           // log it in hexadecimal
};

class ScriptProbe final : public Conversation {
 public:
  /// What is expected may stand anywhere in the next 64 KiB that come; what stands behind it is the
  /// next step's. Of a pattern that is as little as it needs, and a '$' in it waits until the server
  /// closes.
  explicit ScriptProbe(std::vector<ScriptStep> steps) : steps_(std::move(steps)) {}

  bool server_talks_first() const override {
    return !steps_.empty() && steps_.front().kind != ScriptStep::Kind::Send;
  }
  Turn begin() override;
  Turn on_bytes(std::string_view bytes) override;
  ProbeResult on_end(int error_number) override;
  /// Says what was awaited.
  ProbeResult on_timeout() const override;

 private:
  Turn go_on(bool complete);
  std::size_t end_of(const ScriptStep& step, bool complete) const;
  std::size_t end_in_reach(std::string_view wanted) const;
  ProbeResult mismatch() const;
  std::string shown(const ScriptStep& step) const;

  const std::vector<ScriptStep> steps_;
  std::size_t at_ = 0;
  std::string received_;  // and not yet expected
  std::string sending_;
};

}  // namespace hapair::health
