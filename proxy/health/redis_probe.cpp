#include "proxy/health/redis_probe.h"

#include <system_error>

namespace hapair::health {

Conversation::Turn RedisProbe::begin() {
  line_.clear();
  return {.send = "*1\r\n$4\r\nPING\r\n", .verdict = {}};
}

Conversation::Turn RedisProbe::on_bytes(std::string_view bytes) {
  constexpr std::size_t longest = 1024;
  line_.append(bytes);
  const auto end = line_.find('\n');
  if (end == line_.npos && line_.size() <= longest) return {};
  std::string_view line = std::string_view(line_).substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line == "+PONG")
    return {.send = {},
            .verdict = ProbeResult{.status = ProbeStatus::L7Ok, .code = 0, .info = "Redis server is ok"}};
  return {.send = {},
          .verdict = ProbeResult{.status = ProbeStatus::L7Status,
                                 .code = 0,
                                 .info = std::string(line.substr(0, longest))}};
}

ProbeResult RedisProbe::on_end(int error_number) {
  return {.status = ProbeStatus::L7Invalid,
          .info = error_number != 0 ? std::generic_category().message(error_number) : std::string()};
}

}  // namespace hapair::health
