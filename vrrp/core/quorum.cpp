#include "vrrp/core/quorum.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// Nobody tells of a process that begins. A search costs a few microseconds for each process of the
// host.
constexpr Duration kBetweenSearches = 200ms;
constexpr Duration kPatience = 20ms;

}  // namespace

void Quorum::on_search() {
  searching_ = true;
  search_at_ = kNever;
}

std::optional<Verdict> Quorum::on_searched(TimePoint now) {
  searching_ = false;
  lost_at_ = kNever;
  if (!is_enough()) search_at_ = now + kBetweenSearches;
  return debounce_.on_state(is_enough(), now);
}

void Quorum::on_ended(int pid, TimePoint now) {
  pids_.erase(pid);
  if (is_enough()) return;
  if (!searching_) search_at_ = now;
  lost_at_ = std::min(lost_at_, now + kPatience);
}

std::optional<Verdict> Quorum::on_deadline(TimePoint now) {
  if (lost_at_ > now) return debounce_.on_deadline(now);
  lost_at_ = kNever;
  return debounce_.on_state(false, now);
}

}  // namespace hapair::vrrp
