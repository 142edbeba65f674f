#include "proxy/health/smtp_probe.h"

#include <algorithm>
#include <system_error>

#include "common/text.h"

namespace hapair::health {

Conversation::Turn SmtpProbe::begin() {
  greeted_ = false;
  received_.clear();
  return {};
}

Conversation::Turn SmtpProbe::on_bytes(std::string_view bytes) {
  received_.append(bytes);
  sending_.clear();
  for (;;) {
    const auto end = received_.find('\n');
    if (std::min(end, received_.size()) > kMostBytes)
      return {.send = {}, .verdict = ProbeResult{.status = ProbeStatus::L7Invalid}};
    if (end == received_.npos) return {.send = sending_, .verdict = {}};
    std::string line = received_.substr(0, end);
    received_.erase(0, end + 1);
    if (line.ends_with('\r')) line.pop_back();
    const bool numbered = line.size() >= 3 && std::all_of(line.begin(), line.begin() + 3,
                                                          [](char c) { return c >= '0' && c <= '9'; });
    if (!numbered || (line.size() > 3 && line[3] != ' ' && line[3] != '-'))
      return {.send = {}, .verdict = ProbeResult{.status = ProbeStatus::L7Invalid, .info = std::move(line)}};
    const int code = *parse_number<int>(std::string_view(line).substr(0, 3));
    std::string text = line.size() > 4 ? line.substr(4) : std::string();
    if (code != (greeted_ ? 250 : 220))
      return {.send = sending_ += "QUIT\r\n",
              .verdict = ProbeResult{.status = ProbeStatus::L7Status, .code = code, .info = std::move(text)}};
    if (line.size() > 3 && line[3] == '-') continue;  // more lines of this answer follow
    if (greeted_)
      return {.send = sending_ += "QUIT\r\n",
              .verdict = ProbeResult{.status = ProbeStatus::L7Ok, .code = code, .info = std::move(text)}};
    greeted_ = true;
    sending_ += hello_;
  }
}

ProbeResult SmtpProbe::on_end(int error_number) {
  return {.status = ProbeStatus::L7Invalid,
          .info = error_number != 0 ? std::generic_category().message(error_number) : std::string()};
}

}  // namespace hapair::health
