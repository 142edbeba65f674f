#include "proxy/health/status_word.h"

#include <fmt/format.h>

namespace hapair::health {

std::string status_word(const StatusFacts& facts) {
  const Condition condition = facts.condition;
  if (condition.in_maintenance()) {
    constexpr auto own = Condition::kForcedMaint | Condition::kConfiguredMaint;
    if (condition.has(own)) return "MAINT";
    if (condition.has(Condition::kInheritedMaint)) return fmt::format("MAINT (via {})", facts.tracked);
    return "MAINT (resolution)";
  }
  if (condition.down()) {
    if (condition.has(Condition::kAgentDown)) return "DOWN (agent)";
    if (facts.lives > 0 && facts.lives < facts.rise) return fmt::format("DOWN {}/{}", facts.lives, facts.rise);
    return "DOWN";
  }
  if (!facts.checked && !condition.draining() && !condition.stopping()) return "no check";
  if (condition.draining() && facts.has_agent) return "DRAIN (agent)";
  const std::string_view word = condition.stopping() ? "NOLB" : condition.draining() ? "DRAIN" : "UP";
  const int full = facts.rise + facts.fall - 1;
  if (facts.lives >= facts.rise && facts.lives < full)
    return fmt::format("{} {}/{}", word, facts.lives - facts.rise + 1, facts.fall);
  return std::string(word);
}

}  // namespace hapair::health
