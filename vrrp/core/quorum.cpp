#include "vrrp/core/quorum.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// Nobody tells of a process that begins. A search costs a few microseconds for each process of the
// host.
constexpr Duration kBetweenSearches = 200ms;

}  // namespace

void Quorum::on_search() {
  searching_ = true;
  search_at_ = kNever;
}

std::optional<Verdict> Quorum::on_searched(TimePoint now) {
  searching_ = false;
  if (!is_enough()) search_at_ = now + kBetweenSearches;
  return debounce_.on_state(is_enough(), now);
}

void Quorum::on_ended(int pid, TimePoint now) {
  pids_.erase(pid);
  if (!is_enough() && !searching_) search_at_ = now;
}

}  // namespace hapair::vrrp
