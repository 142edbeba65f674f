#include "proxy/health/agent_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "common/text.h"

namespace hapair::health {
namespace {

constexpr std::size_t kLongest = 1024;
constexpr std::string_view kBetween = " \t,\r\n";

std::optional<unsigned> number(std::string_view text, unsigned most) {
  const auto value = parse_number<unsigned>(text);
  return value && *value <= most ? value : std::nullopt;
}

/// False: no word of ours. `word` is in small letters.
bool understand(std::string_view word, AgentReply& out) {
  constexpr unsigned most_percent = 25600, most_weight = 256;
  if (word == "ready") out.wish = AgentReply::Wish::Ready;
  else if (word == "drain") out.wish = AgentReply::Wish::Drain;
  else if (word == "maint") out.wish = AgentReply::Wish::Maintenance;
  else if (word == "up") out.up = true;
  else if (word == "down" || word == "stopped" || word == "fail") out.up = false;
  else if (word.starts_with("maxconn:")) return (out.maxconn = number(word.substr(8), 100'000'000)).has_value();
  else {
    const bool named = word.starts_with("weight:");
    if (named) word.remove_prefix(7);
    if (word.ends_with('%')) return (out.percent = number(word.substr(0, word.size() - 1), most_percent)).has_value();
    return named && (out.weight = number(word, most_weight)).has_value();
  }
  return true;
}

}  // namespace

AgentReply parse_agent_reply(std::string_view line) {
  std::string_view reason;
  if (const auto mark = line.find('#'); mark != line.npos) {
    reason = line.substr(mark + 1);
    line = line.substr(0, mark);
    while (!reason.empty() && kBetween.find(reason.back()) != kBetween.npos) reason.remove_suffix(1);
    while (!reason.empty() && reason.front() == ' ') reason.remove_prefix(1);
  }
  AgentReply reply;
  std::string_view verdict;  // the word that said up or down
  for (;;) {
    const auto begin = line.find_first_not_of(kBetween);
    if (begin == line.npos) break;
    line.remove_prefix(begin);
    const std::string_view word = line.substr(0, line.find_first_of(kBetween));
    line.remove_prefix(word.size());
    std::string small(word);
    std::transform(small.begin(), small.end(), small.begin(), ascii_lower);
    if (!understand(small, reply)) {
      AgentReply nothing;
      nothing.result = {.status = ProbeStatus::NoChange,
                        .info = fmt::format("agent reports an error : {}", word)};
      return nothing;
    }
    if (small == "up" || small == "down" || small == "stopped" || small == "fail") verdict = word;
  }
  if (!reply.up) {
    reply.result = {.status = ProbeStatus::NoChange};
    return reply;
  }
  reply.result = {.status = *reply.up ? ProbeStatus::L7Ok : ProbeStatus::L7Status, .code = 0};
  reply.result.info = fmt::format("via agent : {}", verdict);
  if (!reason.empty()) reply.result.info += fmt::format(" ({})", reason);
  return reply;
}

Conversation::Turn AgentProbe::begin() {
  line_.clear();
  reply_.reset();
  return {.send = send_, .verdict = {}};
}

Conversation::Turn AgentProbe::on_bytes(std::string_view bytes) {
  line_.append(bytes);
  const auto end = line_.find('\n');
  if (end == line_.npos && line_.size() <= kLongest) return {};
  reply_ = parse_agent_reply(std::string_view(line_).substr(0, std::min(end, kLongest)));
  return {.send = {}, .verdict = reply_->result};
}

ProbeResult AgentProbe::on_end(int error_number) {
  if (line_.empty() || error_number != 0)
    return {.status = ProbeStatus::L7Invalid,
            .info = error_number != 0 ? std::generic_category().message(error_number)
                                      : "the agent said nothing"};
  reply_ = parse_agent_reply(line_);
  return reply_->result;
}

}  // namespace hapair::health
