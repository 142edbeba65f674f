#include "proxy/admin/last_second.h"

#include <algorithm>

#include "proxy/admin/farm_rows.h"

namespace hapair::proxy {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);

}  // namespace

LastSecond::LastSecond(Supervisor& supervisor)
    : supervisor_(supervisor), timer_(supervisor.loop(), [this] { look(); }) {
  timer_.arm(supervisor.loop().now());
}

void LastSecond::look() {
  const TimePoint now = supervisor_.loop().refresh();
  Duration worked{};
  for (const auto& worker : supervisor_.workers()) worked += worker->processor_time();
  const std::uint64_t sent = supervisor_.snapshot().process->frontend_totals(now).bytes_out;
  if (seen_ != TimePoint{}) {
    const double seconds = std::chrono::duration<double>(now - seen_).count();
    const double share = std::chrono::duration<double>(worked - worked_).count() /
                         (seconds * static_cast<double>(supervisor_.workers().size()));
    idle_percent_ = static_cast<unsigned>(100.0 * std::clamp(1.0 - share, 0.0, 1.0) + 0.5);
    // Less than before: the counters were cleared.
    bytes_out_ = sent < sent_ ? 0 : static_cast<std::uint64_t>(static_cast<double>(sent - sent_) / seconds);
  }
  seen_ = now;
  worked_ = worked;
  sent_ = sent;
  timer_.arm(now + kSecond);
}

}  // namespace hapair::proxy
