#include "vrrp/core/instance_fsm.h"

#include <algorithm>
#include <utility>

#include "vrrp/core/advert.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using Event = Noticed::Event;

// However many rivals speak, they are answered this often and told of this often: a flood of valid
// lower adverts must cost neither the link nor the log.
constexpr Duration kBetweenAnswers = 100ms;
constexpr Duration kBetweenLines = 1s;

bool elapsed(TimePoint since, Duration span, TimePoint now) {
  return since == TimePoint::min() || now - since >= span;
}

}  // namespace

Effects InstanceFsm::on_start(TimePoint now) {
  if (state_ != State::Initialize) return {};
  Effects out{RemoveAddresses{}};
  if (usable_) {
    begin(now, out);
  } else {
    state_ = State::Fault;
    out.insert(out.end(), {Entering{State::Fault}, Became{State::Fault}});
  }
  return out;
}

void InstanceFsm::begin(TimePoint now, Effects& out) {
  if (priority_ == kOwner) {
    out.push_back(Noticed{Event::Transition});
    become_master(now, out);
  } else if (settings_.claims_at_start && settings_.preempt && state_ == State::Initialize) {
    claim(now, out);
  } else {
    current_master_.reset();
    master_interval_ = settings_.interval;
    become_backup(now, out);
  }
}

void InstanceFsm::claim(TimePoint now, Effects& out) {
  state_ = State::Claiming;
  out.push_back(Noticed{Event::Transition});
  send_advert(now, out);
  out.push_back(Became{State::Claiming});
}

void InstanceFsm::become_master(TimePoint now, Effects& out) {
  state_ = State::Master;
  current_master_.reset();
  master_interval_ = settings_.interval;
  out.push_back(Entering{State::Master});
  send_advert(now, out);
  out.insert(out.end(),
             {AddAddresses{}, Announce{Announce::Cause::Takeover}, Became{State::Master}});
}

void InstanceFsm::become_backup(TimePoint now, Effects& out) {
  const bool was_master = state_ == State::Master;
  state_ = State::Backup;
  deadline_ = now + master_down_interval();
  out.push_back(Entering{State::Backup});
  if (was_master) out.insert(out.end(), {SendAdvert{kResign}, RemoveAddresses{}});
  out.push_back(Became{State::Backup});
}

void InstanceFsm::resign(State from, Effects& out) {
  // A claim has been heard: whoever gave way to it need not wait for us to fall silent.
  if (from == State::Master || from == State::Claiming) out.push_back(SendAdvert{kResign});
  if (from == State::Master) out.push_back(RemoveAddresses{});
}

void InstanceFsm::follow(const IpAddress& master, Duration interval, TimePoint now) {
  current_master_ = Rival{master, true};
  if (interval > Duration::zero()) master_interval_ = std::min(interval, settings_.longest_adopted);
  deadline_ = now + master_down_interval();
}

void InstanceFsm::send_advert(TimePoint now, Effects& out) {
  out.push_back(SendAdvert{priority_});
  deadline_ = now + settings_.interval;
}

bool InstanceFsm::may_answer(TimePoint now) {
  if (!elapsed(last_answer_, kBetweenAnswers, now)) return false;
  last_answer_ = now;
  return true;
}

Effects InstanceFsm::on_advert(const IpAddress& source, std::uint8_t priority, TimePoint now,
                               Duration interval) {
  Effects out;
  // Decoding drops our own packets; here they would make us give way to ourselves.
  if (source == settings_.source) return out;
  switch (state_) {
    case State::Backup: as_backup(source, priority, interval, now, out); break;
    case State::Claiming:
    case State::Master: as_candidate(source, priority, interval, now, out); break;
    case State::Initialize:
    case State::Fault: break;
  }
  return out;
}

void InstanceFsm::as_backup(const IpAddress& source, std::uint8_t priority, Duration interval,
                            TimePoint now, Effects& out) {
  const bool from_master = current_master_ && current_master_->address == source;
  if (priority == kResign) {
    // Only the master can resign: anybody else who says so would start an election for nothing.
    if (from_master) deadline_ = std::min(deadline_, now + skew());
    return;
  }
  if (priority >= priority_ || !settings_.preempt) {
    follow(source, interval, now);
    return;
  }
  // One source that says high and low by turns must not make us master each time: between two such
  // takeovers the timer decides, as in the RFC.
  if (from_master && current_master_->outranked_us &&
      elapsed(last_preemption_, master_down_interval(), now)) {
    last_preemption_ = now;
    out.push_back(Noticed{Event::ForcingElection, source, priority});
    out.push_back(Noticed{Event::Transition});
    become_master(now, out);
    return;
  }
  // RFC 3768 section 6.4.2: a lower advert is discarded and the timer runs on. If nobody better
  // speaks, its sender is the one whose resignation we accept.
  if (!current_master_) current_master_ = Rival{source, false};
}

void InstanceFsm::as_candidate(const IpAddress& source, std::uint8_t priority, Duration interval,
                               TimePoint now, Effects& out) {
  if (priority == kResign) {
    if (state_ == State::Claiming) {
      become_master(now, out);  // the master we outrank has given way: nobody holds the address
    } else if (may_answer(now)) {
      // It was master too, and may have announced itself without our hearing an advert of it.
      send_advert(now, out);
      out.push_back(Announce{Announce::Cause::Rival});
    }
    return;
  }
  if (priority > priority_ || (priority == priority_ && source > settings_.source)) {
    out.push_back(Noticed{Event::HigherAdvert, source, priority});
    become_backup(now, out);
    follow(source, interval, now);
    return;
  }
  // RFC 9568 section 6.4.3 (RFC 3768 only discards): an answer ends the rival's belief now.
  if (!may_answer(now)) return;
  if (elapsed(last_told_, kBetweenLines, now)) {
    last_told_ = now;
    out.push_back(Noticed{Event::LowerAdvert, source, priority});
  }
  if (state_ == State::Claiming) {
    out.push_back(SendAdvert{priority_});  // the claim's own interval runs on
    return;
  }
  send_advert(now, out);
  out.push_back(Announce{Announce::Cause::Rival});
}

Effects InstanceFsm::on_deadline(TimePoint now) {
  Effects out;
  if (now < deadline_) return out;
  switch (state_) {
    case State::Backup:
      out.push_back(Noticed{Event::Transition});
      become_master(now, out);
      break;
    case State::Claiming: become_master(now, out); break;
    case State::Master: {
      const TimePoint steady = deadline_ + settings_.interval;
      send_advert(now, out);
      // Late wake-ups must not add up; after a long one the missed adverts are not made up for.
      if (steady > now) deadline_ = steady;
      break;
    }
    case State::Initialize:
    case State::Fault: deadline_ = kNever; break;
  }
  return out;
}

Effects InstanceFsm::on_priority(std::uint8_t priority, TimePoint now) {
  Effects out;
  if (priority == priority_) return out;
  const bool fell = priority < priority_;
  const Duration skew_before = skew();
  priority_ = priority;
  if (state_ == State::Backup) deadline_ += skew() - skew_before;
  if (state_ == State::Master && fell) send_advert(now, out);
  return out;
}

Effects InstanceFsm::on_usable(bool usable, TimePoint now) {
  Effects out;
  if (usable == usable_) return out;
  usable_ = usable;
  if (state_ == State::Initialize) return out;
  if (usable) {
    begin(now, out);
    return out;
  }
  const State before = std::exchange(state_, State::Fault);
  deadline_ = kNever;
  current_master_.reset();
  out.push_back(Entering{State::Fault});
  resign(before, out);
  out.push_back(Became{State::Fault});
  return out;
}

Effects InstanceFsm::on_shutdown() {
  Effects out;
  if (state_ == State::Initialize) return out;
  resign(std::exchange(state_, State::Initialize), out);
  deadline_ = kNever;
  out.push_back(Became{State::Initialize});
  return out;
}

}  // namespace hapair::vrrp
