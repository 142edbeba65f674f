#include "proxy/health/script_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace hapair::health {

using Kind = ScriptStep::Kind;

Conversation::Turn ScriptProbe::begin() {
  at_ = 0;
  received_.clear();
  return go_on();
}

Conversation::Turn ScriptProbe::on_bytes(std::string_view bytes) {
  received_.append(bytes);
  return go_on();
}

Conversation::Turn ScriptProbe::go_on() {
  sending_.clear();
  for (; at_ < steps_.size(); ++at_) {
    const ScriptStep& step = steps_[at_];
    if (step.kind == Kind::Send) {
      sending_ += step.bytes;
      continue;
    }
    const auto rejected = step.reject.empty() ? received_.npos : received_.find(step.reject);
    std::size_t behind = received_.npos;
    if (step.kind == Kind::Expect) {
      if (const auto found = received_.find(step.bytes); found != received_.npos)
        behind = found + step.bytes.size();
    } else if (!received_.empty() && step.pattern->matches(received_)) {
      behind = received_.size();
    }
    if (rejected < behind)
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

ProbeResult ScriptProbe::on_end(int error_number) {
  if (error_number != 0)
    return {.status = ProbeStatus::L7Invalid,
            .info = fmt::format("{} at step {}", std::generic_category().message(error_number), at_ + 1)};
  return mismatch();
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
