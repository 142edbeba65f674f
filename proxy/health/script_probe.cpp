#include "proxy/health/script_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace hapair::health {

using Kind = ScriptStep::Kind;

Conversation::Turn ScriptProbe::begin() {
  at_ = 0;
  received_.clear();
  return go_on(false);
}

Conversation::Turn ScriptProbe::on_bytes(std::string_view bytes) {
  received_.append(bytes);
  return go_on(false);
}

Conversation::Turn ScriptProbe::go_on(bool complete) {
  sending_.clear();
  for (; at_ < steps_.size(); ++at_) {
    const ScriptStep& step = steps_[at_];
    if (step.kind == Kind::Send) {
      sending_ += step.bytes;
      continue;
    }
    const std::size_t behind = end_of(step, complete);
    // Both at once is no.
    if (const std::size_t rejected = step.reject.empty() ? received_.npos : end_in_reach(step.reject);
        rejected != received_.npos && rejected <= behind)
      return {.send = {},
              .verdict = ProbeResult{
                  .status = ProbeStatus::L7Invalid,
                  .info = fmt::format("TCPCHK matched unwanted content '{}' at step {}", step.reject, at_ + 1)}};
    if (behind == received_.npos) {
      if (received_.size() > kMostBytes) return {.send = {}, .verdict = mismatch()};
      return {.send = sending_, .verdict = {}};
    }
    received_.erase(0, behind);
  }
  return {.send = sending_, .verdict = ProbeResult{.status = ProbeStatus::L7Ok}};
}

/// How many of the bytes received it takes to be done with `step`, or npos.
std::size_t ScriptProbe::end_of(const ScriptStep& step, bool complete) const {
  if (step.kind == Kind::Expect) return end_in_reach(step.bytes);
  if (received_.empty()) return received_.npos;  // to be silent is no answer
  const auto end = step.pattern->first_end(received_, complete);
  return end && *end <= kMostBytes ? *end : received_.npos;
}

std::size_t ScriptProbe::end_in_reach(std::string_view wanted) const {
  const auto found = received_.find(wanted);
  return found != received_.npos && found + wanted.size() <= kMostBytes ? found + wanted.size() : received_.npos;
}

ProbeResult ScriptProbe::on_end(int error_number) {
  if (error_number != 0)
    return {.status = ProbeStatus::L7Invalid,
            .info = fmt::format("{} at step {}", std::generic_category().message(error_number), at_ + 1)};
  const Turn last = go_on(true);  // a pattern may have waited for the end
  return last.verdict ? *last.verdict : mismatch();
}

ProbeResult ScriptProbe::mismatch() const {
  const std::size_t step = std::min(at_, steps_.size() - 1);
  return {.status = ProbeStatus::L7Invalid,
          .info = received_.empty()
                      ? fmt::format("TCPCHK got an empty response at step {}", step + 1)
                      : fmt::format("TCPCHK did not match content '{}' at step {}", shown(steps_[step]),
                                    step + 1)};
}

ProbeResult ScriptProbe::on_timeout() const {
  ProbeResult result{.status = ProbeStatus::L7Timeout};
  if (at_ >= steps_.size()) return result;
  const ScriptStep& step = steps_[at_];
  const std::string_view kind = step.kind == Kind::ExpectPattern ? "regex" : step.binary ? "binary" : "string";
  result.info = fmt::format(" at step {} of tcp-check (expect {} '{}')", at_ + 1, kind, shown(step));
  return result;
}

std::string ScriptProbe::shown(const ScriptStep& step) const {
  if (step.pattern) return step.pattern->pattern();
  if (!step.binary) return step.bytes;
  std::string hex;
  for (const char byte : step.bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

}  // namespace hapair::health
