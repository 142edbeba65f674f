#include "vrrp/core/debounce.h"

namespace hapair::vrrp {

std::optional<Verdict> Debounce::on_state(bool there, TimePoint now) {
  const Verdict wanted = there ? Verdict::Good : Verdict::Bad;
  if (wanted == verdict_) {
    deadline_ = kNever;
    return std::nullopt;
  }
  if (verdict_ == Verdict::Unknown) return verdict_ = wanted;
  if (deadline_ == kNever) deadline_ = now + (there ? settings_.up_delay : settings_.down_delay);
  return on_deadline(now);
}

std::optional<Verdict> Debounce::on_deadline(TimePoint now) {
  if (deadline_ > now) return std::nullopt;
  deadline_ = kNever;
  return verdict_ = verdict_ == Verdict::Good ? Verdict::Bad : Verdict::Good;
}

}  // namespace hapair::vrrp
