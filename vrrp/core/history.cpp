#include "vrrp/core/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "common/text.h"

namespace hapair::vrrp {
namespace {

constexpr std::string_view kVersion = "hapair-vrrp-history 1";

/// The text up to the next `separator`, which both go away from `rest`.
std::string_view take(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return word;
}

/// "NANOSECONDS FROM TO PRIORITY INSTANCE<tab>WHY"
std::optional<Transition> parse(std::string_view line) {
  const auto at = parse_number<std::int64_t>(take(line, ' '));
  const auto from = parse_state(take(line, ' ')), to = parse_state(take(line, ' '));
  const auto priority = parse_number<std::uint8_t>(take(line, ' '));
  const std::string_view instance = take(line, '\t');
  if (!at || !from || !to || !priority || instance.empty() || line.empty()) return std::nullopt;
  return Transition{.instance = std::string(instance),
                    .from = *from,
                    .to = *to,
                    .priority = *priority,
                    .why = std::string(line),
                    .at = WallTime(Duration(*at))};
}

constexpr std::string_view kDrill = "drill ", kPassed = "passed", kFailed = "failed";

/// "drill NANOSECONDS passed|failed INSTANCE<tab>TEXT", behind its first word.
std::optional<Rehearsal> parse_rehearsal(std::string_view line) {
  const auto at = parse_number<std::int64_t>(take(line, ' '));
  const std::string_view verdict = take(line, ' '), instance = take(line, '\t');
  if (!at || (verdict != kPassed && verdict != kFailed) || instance.empty() || line.empty()) return std::nullopt;
  return Rehearsal{.instance = std::string(instance),
                   .passed = verdict == kPassed,
                   .text = std::string(line),
                   .at = WallTime(Duration(*at))};
}

}  // namespace

void History::add(Transition transition) {
  transitions_.push_back(std::move(transition));
  if (transitions_.size() <= kMost) return;
  const auto is_outlived = [this](const Transition& old) { return last_of(old.instance) != &old; };
  const auto victim = std::ranges::find_if(transitions_, is_outlived);
  transitions_.erase(victim == transitions_.end() ? transitions_.begin() : victim);
}

void History::add(Rehearsal rehearsal) {
  rehearsals_.push_back(std::move(rehearsal));
  if (rehearsals_.size() > kMostRehearsals) rehearsals_.erase(rehearsals_.begin());
}

const Rehearsal* History::last_rehearsal_of(std::string_view instance) const {
  const auto found = std::find_if(rehearsals_.rbegin(), rehearsals_.rend(),
                                  [&](const Rehearsal& one) { return one.instance == instance; });
  return found == rehearsals_.rend() ? nullptr : &*found;
}

const Transition* History::last_of(std::string_view instance) const {
  const auto found = std::find_if(transitions_.rbegin(), transitions_.rend(),
                                  [&](const Transition& one) { return one.instance == instance; });
  return found == transitions_.rend() ? nullptr : &*found;
}

std::string History::write() const {
  std::string out = fmt::format("{}\n", kVersion);
  for (const Transition& one : transitions_)
    fmt::format_to(std::back_inserter(out), "{} {} {} {} {}\t{}\n",
                   one.at.time_since_epoch().count(), to_string(one.from), to_string(one.to),
                   one.priority, one.instance, one.why);
  for (const Rehearsal& one : rehearsals_)
    fmt::format_to(std::back_inserter(out), "{}{} {} {}\t{}\n", kDrill, one.at.time_since_epoch().count(),
                   one.passed ? kPassed : kFailed, one.instance, one.text);
  return out;
}

History History::read(std::string_view text) {
  History out;
  if (take(text, '\n') != kVersion) return out;
  while (!text.empty()) {
    const std::string_view line = take(text, '\n');
    if (line.starts_with(kDrill)) {
      if (auto rehearsal = parse_rehearsal(line.substr(kDrill.size()))) out.add(*std::move(rehearsal));
    } else if (auto transition = parse(line)) {
      out.add(*std::move(transition));
    }
  }
  return out;
}

}  // namespace hapair::vrrp
