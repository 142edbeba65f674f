#include "vrrp/core/drill_outlook.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "common/text.h"

namespace hapair::vrrp {
namespace {

constexpr std::string_view kFirstLine = "hapair-drill 1";

std::string_view take_word(std::string_view& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

void write_event(std::string& out, std::string_view key, const DrillOutlook::Event& event) {
  const auto at = to_milliseconds(event.at.time_since_epoch());
  fmt::format_to(std::back_inserter(out), "{} {} {} {}\n", key, at, to_string(event.to),
                 event.text);
}

void read_event(std::string_view text, std::vector<DrillOutlook::Event>& events) {
  const auto at = parse_number<std::int64_t>(take_word(text));
  const auto to = parse_state(take_word(text));
  if (at && to)
    events.push_back({WallTime(std::chrono::milliseconds(*at)), *to, std::string(text)});
}

}  // namespace

std::string why_no_drill(const DrillOutlook& outlook) {
  if (outlook.other.empty())
    return "the nodes do not speak with each other: [pair] key_file is not set";
  if (!outlook.allowed)
    return "the file does not allow drills: set drills = true in [pair], on both nodes";
  if (outlook.state == State::Master)
    return fmt::format(
        "{} is master of {} here, and a drill is watched from the other side: run it on {}",
        outlook.node, outlook.instance, outlook.other);
  if (outlook.state != State::Backup || !outlook.trouble.empty())
    return fmt::format("{} is {} here{}{}", outlook.instance, to_string(outlook.state),
                       outlook.trouble.empty() ? "" : ": ", outlook.trouble);
  if (!outlook.other_heard)
    return fmt::format("{} is not heard over the pair channel", outlook.other);
  if (outlook.other_state != State::Master)
    return fmt::format("{} is not master of {}", outlook.other, outlook.instance);
  if (outlook.is_busy) return "another drill is under way";
  if (!outlook.is_quiet)
    return "the last handover is not over: connections are still where they were";
  return {};
}

bool is_settled(const DrillOutlook& outlook) {
  if (!outlook.other_heard || !outlook.trouble.empty() || outlook.is_busy) return false;
  if (outlook.state == State::Master)
    return outlook.other_state == State::Backup && outlook.other_fit;
  return outlook.state == State::Backup && outlook.other_state == State::Master;
}

std::string write(const DrillOutlook& outlook) {
  std::string out = fmt::format("{}\n", kFirstLine);
  const auto line = [&out](std::string_view key, std::string_view value) {
    if (!value.empty()) fmt::format_to(std::back_inserter(out), "{} {}\n", key, value);
  };
  const auto flag = [&line](std::string_view key, bool value) { line(key, value ? "yes" : "no"); };
  line("instance", outlook.instance);
  line("address", outlook.address);
  line("node", outlook.node);
  line("state", to_string(outlook.state));
  line("trouble", outlook.trouble);
  line("other", outlook.other);
  flag("other-heard", outlook.other_heard);
  if (outlook.other_state) line("other-state", to_string(*outlook.other_state));
  flag("other-fit", outlook.other_fit);
  flag("allowed", outlook.allowed);
  flag("quiet", outlook.is_quiet);
  flag("busy", outlook.is_busy);
  line("id", fmt::to_string(outlook.id));
  line("step", outlook.step);
  line("why", outlook.why);
  for (const auto& event : outlook.own) write_event(out, "own", event);
  for (const auto& event : outlook.theirs) write_event(out, "theirs", event);
  return out;
}

std::optional<DrillOutlook> read_drill_outlook(std::string_view text) {
  DrillOutlook out;
  const auto lines = split(text, '\n');
  if (lines.front() != kFirstLine) return std::nullopt;
  for (const std::string_view line : lines) {
    std::string_view value = line;
    const std::string_view key = take_word(value);
    const auto flag = [&](std::string_view name, bool& into) {
      if (key == name) into = value == "yes";
    };
    const auto word = [&](std::string_view name, std::string& into) {
      if (key == name) into = value;
    };
    word("instance", out.instance);
    word("address", out.address);
    word("node", out.node);
    word("trouble", out.trouble);
    word("other", out.other);
    word("step", out.step);
    word("why", out.why);
    flag("other-heard", out.other_heard);
    flag("other-fit", out.other_fit);
    flag("allowed", out.allowed);
    flag("quiet", out.is_quiet);
    flag("busy", out.is_busy);
    if (key == "state") out.state = parse_state(value).value_or(State::Initialize);
    if (key == "other-state") out.other_state = parse_state(value);
    if (key == "id") out.id = parse_number<std::uint64_t>(value).value_or(0);
    if (key == "own") read_event(value, out.own);
    if (key == "theirs") read_event(value, out.theirs);
  }
  if (out.instance.empty()) return std::nullopt;
  return out;
}

}  // namespace hapair::vrrp
