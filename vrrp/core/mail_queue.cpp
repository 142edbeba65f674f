#include "vrrp/core/mail_queue.h"

#include <algorithm>

namespace hapair::vrrp {

std::optional<Mail> MailQueue::push(Mail mail) {
  return waiting_.push(std::move(mail));
}

const Mail* MailQueue::take(TimePoint now) {
  if (on_its_way_ || now < next_) return nullptr;
  if (!current_) {
    current_ = waiting_.pop();
    tries_ = 0;
  }
  if (!current_) return nullptr;
  on_its_way_ = true;
  ++tries_;
  return &*current_;
}

void MailQueue::on_delivered() {
  on_its_way_ = false;
  current_.reset();
  pause_ = Duration::zero();
  next_ = TimePoint::min();
}

MailQueue::Outcome MailQueue::on_failed(bool for_good, TimePoint now) {
  on_its_way_ = false;
  // A server that refuses one for good has been reached: it is not the one that needs a pause.
  if (!for_good && !hurried_) {
    pause_ = pause_ == Duration::zero() ? settings_.first_pause
                                        : std::min(2 * pause_, settings_.longest_pause);
    next_ = now + pause_;
  }
  if (!for_good && !hurried_ && tries_ < settings_.tries) return Outcome::TriedAgain;
  current_.reset();
  return Outcome::GivenUp;
}

void MailQueue::hurry() {
  hurried_ = true;
  next_ = TimePoint::min();
}

TimePoint MailQueue::deadline() const {
  return on_its_way_ || empty() ? kNever : next_;
}

}  // namespace hapair::vrrp
