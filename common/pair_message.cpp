#include "common/pair_message.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"

namespace hapair {
namespace {

constexpr std::string_view kFirstLine = "hapair-pair 1";

class Writer {
 public:
  Writer() : text_(std::string(kFirstLine) + "\n") {}
  void line(std::string_view key, std::string_view value) {
    text_ += key;
    text_ += ' ';
    std::ranges::replace_copy(value, std::back_inserter(text_), '\n', ' ');
    text_ += '\n';
  }
  void line(std::string_view key, std::int64_t value) { line(key, std::to_string(value)); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string_view first_word(std::string_view& rest) {
  const auto blank = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, blank);
  rest.remove_prefix(std::min(blank + 1, rest.size()));
  return word;
}

template <typename T>
bool read_number(std::string_view text, T& out) {
  const auto number = parse_number<T>(text);
  if (number) out = *number;
  return number.has_value();
}

bool read_duration(std::string_view text, Duration& out) {
  constexpr std::int64_t kLongest = std::chrono::milliseconds(std::chrono::years(100)).count();
  std::int64_t milliseconds = 0;
  if (!read_number(text, milliseconds) || milliseconds < 0 || milliseconds > kLongest) return false;
  out = std::chrono::milliseconds(milliseconds);
  return true;
}

/// False: the line has a value that it cannot have.
bool read_line(std::string_view key, std::string_view value, PairMessage& out) {
  if (key == "node") out.node = value;
  if (key == "version") out.version = value;
  if (key == "uptime") return read_duration(value, out.uptime);
  if (key == "proxy") out.proxy = value;
  if (key == "digest") out.config_digest = value;
  if (key == "instance") out.instances.push_back({.name = std::string(value)});
  if (key == "handover") {
    PairMessage::Handover handover;
    handover.step = first_word(value);
    if (!read_number(first_word(value), handover.id)) return false;
    handover.instance = value;
    out.handovers.push_back(std::move(handover));
  }
  if (key == "handover-detail" && !out.handovers.empty()) out.handovers.back().detail = value;
  if (key == "drill")
    out.drills.push_back({.verb = std::string(value.substr(0, PairMessage::kLongestDrill)), .detail = {}});
  if (key == "drill-detail" && !out.drills.empty())
    out.drills.back().detail = value.substr(0, PairMessage::kLongestDrill);
  if (key == "key") {
    const std::string_view digest = first_word(value);
    out.keys.emplace_back(value, digest);
  }
  // What follows belongs to the instance named last.
  if (key.starts_with("instance-") && !out.instances.empty()) {
    PairMessage::Instance& instance = out.instances.back();
    if (key == "instance-state") instance.state = value;
    if (key == "instance-priority") return read_number(value, instance.priority);
    if (key == "instance-fit") instance.fit = value == "yes";
    if (key == "instance-since") return read_duration(value, instance.since);
    if (key == "instance-cause") instance.cause = value;
  }
  return true;
}

}  // namespace

std::string encode(const PairMessage& message) {
  Writer out;
  out.line("node", message.node);
  out.line("version", message.version);
  out.line("uptime", to_milliseconds(message.uptime));
  if (!message.proxy.empty()) out.line("proxy", message.proxy);
  if (!message.config_digest.empty()) out.line("digest", message.config_digest);
  for (const auto& instance : message.instances) {
    out.line("instance", instance.name);
    out.line("instance-state", instance.state);
    out.line("instance-priority", instance.priority);
    out.line("instance-fit", instance.fit ? "yes" : "no");
    out.line("instance-since", to_milliseconds(instance.since));
    out.line("instance-cause", instance.cause);
  }
  for (const auto& handover : message.handovers) {
    out.line("handover", fmt::format("{} {} {}", handover.step, handover.id, handover.instance));
    if (!handover.detail.empty()) out.line("handover-detail", handover.detail);
  }
  for (const auto& drill : message.drills) {
    out.line("drill", drill.verb);
    if (!drill.detail.empty()) out.line("drill-detail", drill.detail);
  }
  for (const auto& [path, digest] : message.keys) out.line("key", digest + " " + path);
  return out.take();
}

std::optional<PairMessage> decode_pair_message(std::string_view text) {
  PairMessage message;
  bool first = true;
  for (const std::string_view line : split(text, '\n')) {
    if (std::exchange(first, false)) {
      if (line != kFirstLine) return std::nullopt;
      continue;
    }
    std::string_view value = line;
    const std::string_view key = first_word(value);
    if (!read_line(key, value, message)) return std::nullopt;
  }
  if (message.node.empty()) return std::nullopt;
  message.drills.resize(std::min(message.drills.size(), PairMessage::kMostDrills));
  return message;
}

}  // namespace hapair
