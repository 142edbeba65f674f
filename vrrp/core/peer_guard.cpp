#include "vrrp/core/peer_guard.h"

#include <algorithm>

#include "vrrp/core/advert.h"

namespace hapair::vrrp {
namespace {

// What was on its way while the peer resigned has arrived by then.
constexpr Duration kLate = std::chrono::seconds(1);

}  // namespace

void PeerGuard::on_advert(std::uint8_t priority, TimePoint now) {
  advert_at_ = now;
  resigned_at_ = priority == kResign ? now : TimePoint::min();
}

std::optional<std::uint8_t> PeerGuard::on_report(const Report& report, State own, TimePoint now) {
  report_ = report;
  if (report.state == State::Master) {
    // The two ways keep no order between them: this may be older than the resignation.
    if (resigned_at_ != TimePoint::min() && now - resigned_at_ < kLate) return std::nullopt;
    master_since_ = std::min(master_since_, now);
    return report.priority;
  }
  master_since_ = kNever;
  resigned_at_ = TimePoint::min();
  // A claimant speaks for itself on the link; to a master it says nothing new that the other is none.
  if (report.state == State::Claiming || own == State::Master) return std::nullopt;
  return kResign;
}

std::optional<std::uint8_t> PeerGuard::priority() const {
  if (!report_ || !report_->fit) return std::nullopt;
  return report_->priority;
}

PeerGuard::Link PeerGuard::judge_link(Duration patience, TimePoint now) {
  const bool is_master = report_ && report_->state == State::Master;
  const TimePoint heard = std::max(advert_at_, is_master ? master_since_ : now);
  const bool deaf = is_master && now - heard > patience;
  if (deaf == deaf_) return Link::Unchanged;
  // That it is no master any more is no sign that the link is well.
  if (!deaf && advert_at_ + patience < now) return Link::Unchanged;
  deaf_ = deaf;
  return deaf ? Link::Deaf : Link::Heard;
}

}  // namespace hapair::vrrp
