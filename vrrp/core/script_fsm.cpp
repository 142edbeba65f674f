#include "vrrp/core/script_fsm.h"

#include <algorithm>

namespace hapair::vrrp {

void ScriptFsm::on_run(TimePoint now) {
  started_ = now;
  next_run_ = kNever;
}

std::optional<Verdict> ScriptFsm::on_exit(bool succeeded, TimePoint now) {
  next_run_ = std::max(started_ + settings_.interval, now);
  const Verdict outcome = succeeded ? Verdict::Good : Verdict::Bad;
  if (outcome == verdict_) {
    streak_ = 0;
    return std::nullopt;
  }
  const int needed = outcome == Verdict::Good ? settings_.rise : settings_.fall;
  if (verdict_ != Verdict::Unknown && ++streak_ < needed) return std::nullopt;
  streak_ = 0;
  return verdict_ = outcome;
}

}  // namespace hapair::vrrp
