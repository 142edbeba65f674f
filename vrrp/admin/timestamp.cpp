#include "vrrp/admin/timestamp.h"

#include <fmt/chrono.h>

#include <algorithm>

namespace hapair::vrrp {

using namespace std::chrono_literals;

std::string timestamp(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto second = std::chrono::floor<std::chrono::seconds>(whole);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(static_cast<std::time_t>(second.time_since_epoch().count())),
                     (whole - second).count());
}

std::string rough(Duration span) {
  span = std::max(span, Duration::zero());
  if (span < 10s) return fmt::format("{:.1f} s", seconds(span));
  const auto in_two = [span](Duration large, std::string_view name, Duration small,
                             std::string_view small_name) {
    const auto count = span / large, rest = span % large / small;
    return rest == 0 ? fmt::format("{} {}", count, name)
                     : fmt::format("{} {} {} {}", count, name, rest, small_name);
  };
  if (span < 1min) return fmt::format("{} s", span / 1s);
  if (span < 1h) return in_two(1min, "min", 1s, "s");
  if (span < 24h) return in_two(1h, "h", 1min, "min");
  return in_two(24h, "d", 1h, "h");
}

double seconds(Duration span) {
  return std::chrono::duration<double>(span).count();
}

}  // namespace hapair::vrrp
