#include "common/health_message.h"

#include <fmt/format.h>

#include <utility>

#include "common/text.h"

namespace hapair {
namespace {

constexpr std::string_view kFirstLine = "hapair-health 1";

constexpr std::pair<std::string_view, HealthMessage::State> kStates[] = {
    {"starting", HealthMessage::State::Starting},
    {"serving", HealthMessage::State::Serving},
    {"draining", HealthMessage::State::Draining},
    {"stopping", HealthMessage::State::Stopping}};

bool read_state(std::string_view word, HealthMessage::State& out) {
  for (const auto& [name, state] : kStates)
    if (name == word) {
      out = state;
      return true;
    }
  return false;
}

}  // namespace

std::string_view to_string(HealthMessage::State state) {
  for (const auto& [name, known] : kStates)
    if (known == state) return name;
  return "";
}

std::string encode(const HealthMessage& message) {
  std::string text =
      fmt::format("{}\nstate {}\nsequence {}\ninterval {}\nworkers {}\n", kFirstLine,
                  to_string(message.state), message.sequence, to_milliseconds(message.interval),
                  message.workers);
  for (const std::string& backend : message.unserved) text += fmt::format("unserved {}\n", backend);
  return text;
}

std::optional<HealthMessage> decode_health(std::string_view text) {
  HealthMessage message;
  bool first = true, has_state = false;
  for (const std::string_view line : split(text, '\n')) {
    if (std::exchange(first, false)) {
      if (line != kFirstLine) return std::nullopt;
      continue;
    }
    const auto blank = line.find(' ');
    if (blank == line.npos) continue;
    const std::string_view key = line.substr(0, blank), value = line.substr(blank + 1);
    if (key == "state") {
      has_state = read_state(value, message.state);
      if (!has_state) return std::nullopt;
    } else if (key == "sequence") {
      const auto number = parse_number<std::uint64_t>(value);
      if (!number) return std::nullopt;
      message.sequence = *number;
    } else if (key == "interval") {
      const auto number = parse_number<std::uint32_t>(value);
      if (!number || *number == 0) return std::nullopt;
      message.interval = std::chrono::milliseconds(*number);
    } else if (key == "workers") {
      const auto number = parse_number<unsigned>(value);
      if (!number) return std::nullopt;
      message.workers = *number;
    } else if (key == "unserved") {
      message.unserved.emplace_back(value);
    }
  }
  if (!has_state || message.interval == Duration::zero()) return std::nullopt;
  return message;
}

}  // namespace hapair
