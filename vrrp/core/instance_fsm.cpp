#include "vrrp/core/instance_fsm.h"

#include <algorithm>
#include <utility>

#include "vrrp/core/advert.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using Event = Noticed::Event;
using Why = Cause::Kind;

// However many rivals speak, they are answered this often and told of this often: a flood of valid
// lower adverts must cost neither the link nor the log.
constexpr Duration kBetweenAnswers = 100ms;
constexpr Duration kBetweenLines = 1s;
// A peer that acts on a lowered priority does so at once; one that does not by then is asked.
constexpr Duration kBeforeYield = 10ms;
// A peer that can hand over does so within moments; one that does not by then is preempted.
constexpr Duration kCourtesy = 3s;
// What a giver sent before it gave may be read after its word, which came another way.
constexpr Duration kStale = 100ms;

bool elapsed(TimePoint since, Duration span, TimePoint now) {
  return since == TimePoint::min() || now - since >= span;
}

}  // namespace

Effects InstanceFsm::on_start(TimePoint now) {
  if (state_ != State::Initialize) return {};
  grace_until_ = quiet_until_ = now + settings_.startup_delay;
  Effects out{RemoveAddresses{}};
  if (usable_) {
    begin(now, out);
  } else {
    state_ = State::Fault;
    cause_ = {Why::Unusable};
    out.insert(out.end(), {Entering{State::Fault}, Became{State::Fault}});
  }
  return out;
}

void InstanceFsm::begin(TimePoint now, Effects& out) {
  const bool at_start = state_ == State::Initialize;
  const Cause cause{at_start ? Why::Start : Why::Usable};
  const bool claims = settings_.claims_at_start && at_start &&
                      settings_.preempt == Preempt::Always && !courteous_;
  if (priority_ == kOwner) {
    out.push_back(Noticed{Event::Transition});
    return become_master(cause, now, out);
  }
  if (claims && now >= grace_until_) return claim(now, out);
  current_master_.reset();
  master_interval_ = settings_.interval;
  become_backup(cause, now, out);
  if (now < grace_until_)
    deadline_ = claims ? grace_until_ : grace_until_ + master_down_interval();
}

void InstanceFsm::claim(TimePoint now, Effects& out) {
  state_ = State::Claiming;
  cause_ = {Why::Start};
  out.push_back(Noticed{Event::Transition});
  send_advert(now, out);
  out.push_back(Became{State::Claiming});
}

void InstanceFsm::become_master(Cause cause, TimePoint now, Effects& out) {
  state_ = State::Master;
  cause_ = cause;
  yielding_ = false;
  gave_ = false;
  asked_at_ = TimePoint::min();
  current_master_.reset();
  master_resigned_ = false;
  preempt_from_ = kNever;
  master_interval_ = settings_.interval;
  out.push_back(Entering{State::Master});
  send_advert(now, out);
  out.insert(out.end(),
             {AddAddresses{}, Announce{Announce::Cause::Takeover}, Became{State::Master}});
}

void InstanceFsm::become_backup(Cause cause, TimePoint now, Effects& out) {
  const bool was_master = state_ == State::Master;
  state_ = State::Backup;
  cause_ = cause;
  master_resigned_ = waits_ = false;
  preempt_from_ = kNever;
  asked_at_ = TimePoint::min();
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

void InstanceFsm::follow(const IpAddress& master, std::uint8_t priority, Duration interval,
                         TimePoint now) {
  if (!current_master_) current_master_ = Rival{};
  current_master_->addresses[master.is_v6()] = master;
  current_master_->priority = priority;
  current_master_->followed = true;
  master_resigned_ = waits_ = false;
  if (interval > Duration::zero()) master_interval_ = std::min(interval, settings_.longest_adopted);
  deadline_ = std::max(now, grace_until_) + master_down_interval();
}

bool InstanceFsm::follows_better(TimePoint now) const {
  return state_ == State::Backup && current_master_ && current_master_->followed &&
         current_master_->priority >= priority_ && !master_resigned_ && !waits_ && now < deadline_;
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

/// Whether a master below us may be replaced only because it is below us.
bool InstanceFsm::may_preempt(TimePoint now) {
  if (now < quiet_until_ || gave_ || settings_.preempt == Preempt::Never) return false;
  if (settings_.preempt == Preempt::Always) return true;
  if (preempt_from_ == kNever) preempt_from_ = now + settings_.preempt_delay;
  return now >= preempt_from_;
}

bool InstanceFsm::asks_first(TimePoint now, Effects& out) {
  if (!courteous_) return false;
  if (asked_at_ == TimePoint::min()) {
    asked_at_ = now;
    out.push_back(AskForHandover{});
  }
  return now - asked_at_ < kCourtesy;
}

Effects InstanceFsm::on_advert(const IpAddress& source, std::uint8_t priority, TimePoint now,
                               Duration interval) {
  Effects out;
  // Decoding drops our own packets; here they would make us give way to ourselves.
  if (is_ours(source)) return out;
  if (priority != kResign) peer_priority_ = priority;
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
  const bool from_master = current_master_ && current_master_->is(source);
  if (priority == kResign) {
    // Only the master can resign: anybody else who says so would start an election for nothing.
    if (!from_master) return;
    master_resigned_ = true;
    const Duration wait = settings_.only_peer ? Duration::zero() : skew();
    deadline_ = std::max(std::min(deadline_, now + wait), grace_until_);
    return;
  }
  if (priority >= priority_) {
    preempt_from_ = kNever;
    return follow(source, priority, interval, now);
  }
  // Below us. That it was higher before is a failure of its own, which nobody wants to wait for.
  const bool fell = from_master && current_master_->followed && priority < current_master_->priority;
  const bool preempts = may_preempt(now) && !asks_first(now, out);
  if (!fell && !preempts) return follow(source, priority, interval, now);
  // One source that says high and low by turns must not make us master each time: between two such
  // takeovers the timer decides, as in the RFC.
  if (from_master && current_master_->followed && now >= grace_until_ &&
      elapsed(last_preemption_, master_down_interval(), now)) {
    last_preemption_ = now;
    out.push_back(Noticed{Event::ForcingElection, source, priority});
    out.push_back(Noticed{Event::Transition});
    return become_master({Why::Lower, source, priority}, now, out);
  }
  // RFC 3768 section 6.4.2: a lower advert is discarded and the timer runs on. If nobody better
  // speaks, its sender is the one whose resignation we accept.
  if (!current_master_) {
    current_master_ = Rival{};
    current_master_->addresses[source.is_v6()] = source;
    current_master_->priority = priority;
  }
}

void InstanceFsm::as_candidate(const IpAddress& source, std::uint8_t priority, Duration interval,
                               TimePoint now, Effects& out) {
  if (priority == kResign) {
    if (state_ == State::Claiming) {
      // The master we outrank has given way: nobody holds the address.
      become_master({Why::Resignation, source}, now, out);
    } else if (may_answer(now)) {
      // It was master too, and may have announced itself without our hearing an advert of it.
      send_advert(now, out);
      out.push_back(Announce{Announce::Cause::Rival});
    }
    return;
  }
  if (now < given_until_) return;
  if (priority == priority_ && source.is_v4() != settings_.source.is_v4()) return;
  if (priority > priority_ || (priority == priority_ && source > settings_.source)) {
    out.push_back(Noticed{Event::HigherAdvert, source, priority});
    become_backup({Why::Higher, source, priority}, now, out);
    follow(source, priority, interval, now);
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
    case State::Backup: {
      Cause cause{master_resigned_ ? Why::Resignation : Why::Silence};
      if (master_resigned_ && current_master_)
        cause.rival = current_master_->addresses[0] ? *current_master_->addresses[0]
                                                    : *current_master_->addresses[1];
      // Whom we asked to take over, and who did not, need not be asked again before he was heard.
      if (!master_resigned_)
        peer_priority_ = cause_.kind == Why::Yield && !current_master_ ? std::nullopt
                                                                       : settings_.peer_priority;
      out.push_back(Noticed{Event::Transition});
      become_master(cause, now, out);
      break;
    }
    case State::Claiming: become_master({Why::Claim}, now, out); break;
    case State::Master: {
      if (yielding_) return yield(Why::Yield, now);
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
  yielding_ = false;
  if (!fell) gave_ = false;
  if (state_ == State::Backup) {
    deadline_ += skew() - skew_before;
    if (!fell) quiet_until_ = std::max(quiet_until_, now + settings_.hold_down);
  }
  if (state_ != State::Master || !fell) return out;
  // Told first: a peer of ours takes over on hearing it, before the addresses are gone here. Others
  // would let their timer run out, and are asked with priority 0.
  send_advert(now, out);
  yielding_ = peer_priority_ && *peer_priority_ > priority_;
  if (yielding_) deadline_ = std::min(deadline_, now + kBeforeYield);
  return out;
}

Effects InstanceFsm::yield(Cause::Kind why, TimePoint now) {
  Effects out;
  if (state_ != State::Master) return out;
  const std::uint8_t theirs = peer_priority_.value_or(0);
  if (why == Why::Yield) out.push_back(Noticed{Event::Yielding, {}, theirs});
  current_master_.reset();
  master_interval_ = settings_.interval;
  become_backup({why, {}, theirs}, now, out);
  gave_ = why == Why::Handover;
  return out;
}

Effects InstanceFsm::on_handover(TimePoint now) {
  Effects out;
  if (state_ != State::Backup) return out;
  given_until_ = now + kStale;
  out.push_back(Noticed{Event::Transition});
  become_master({Why::Handover}, now, out);
  return out;
}

Effects InstanceFsm::on_usable(bool usable, TimePoint now) {
  Effects out;
  if (usable == usable_) return out;
  usable_ = usable;
  if (state_ == State::Initialize) return out;
  if (usable) {
    quiet_until_ = std::max(quiet_until_, now + settings_.hold_down);
    begin(now, out);
    return out;
  }
  const State before = std::exchange(state_, State::Fault);
  cause_ = {Why::Unusable};
  gave_ = false;
  deadline_ = kNever;
  current_master_.reset();
  out.push_back(Entering{State::Fault});
  resign(before, out);
  out.push_back(Became{State::Fault});
  return out;
}

Effects InstanceFsm::on_stall(TimePoint now) {
  Effects out;
  if (state_ == State::Backup) {
    deadline_ = std::max(deadline_, now + settings_.interval);
    return out;
  }
  if (state_ != State::Master && state_ != State::Claiming) return out;
  // Another may be master by now: the addresses go without a word, and an interval of listening
  // decides. An owner of the addresses is no exception.
  const bool was_master = std::exchange(state_, State::Backup) == State::Master;
  cause_ = {Why::Stall};
  current_master_.reset();
  master_resigned_ = false;
  deadline_ = now + settings_.interval;
  out.push_back(Noticed{Event::Stalled});
  out.push_back(Entering{State::Backup});
  if (was_master) out.push_back(RemoveAddresses{});
  out.push_back(Became{State::Backup});
  return out;
}

Effects InstanceFsm::on_group_leads(TimePoint now) {
  Effects out;
  if (state_ != State::Backup && state_ != State::Claiming) return out;
  out.push_back(Noticed{Event::Transition});
  become_master({Why::Group}, now, out);
  return out;
}

Effects InstanceFsm::on_group_follows(TimePoint now) {
  if (state_ == State::Master) return yield(Why::Group, now);
  Effects out;
  if (state_ == State::Claiming) become_backup({Why::Group}, now, out);
  return out;
}

Effects InstanceFsm::on_shutdown() {
  Effects out;
  if (state_ == State::Initialize) return out;
  resign(std::exchange(state_, State::Initialize), out);
  cause_ = {Why::Shutdown};
  deadline_ = kNever;
  out.push_back(Became{State::Initialize});
  return out;
}

InstanceFsm::Memory InstanceFsm::memory() const {
  Memory memory{.state = state_,
                .cause = cause_,
                .master_interval = master_interval_,
                .deadline = deadline_,
                .peer_priority = peer_priority_,
                .gave = gave_,
                .resigned = master_resigned_,
                .quiet_until = quiet_until_,
                .grace_until = grace_until_,
                .preempt_from = preempt_from_};
  if (current_master_ && current_master_->followed) {
    memory.master = current_master_->addresses[0] ? current_master_->addresses[0]
                                                  : current_master_->addresses[1];
    memory.master_priority = current_master_->priority;
  }
  return memory;
}

Effects InstanceFsm::on_resume(const Memory& memory, TimePoint now) {
  const bool resumable = memory.state == State::Master || memory.state == State::Backup ||
                         (memory.state == State::Fault && !usable_);
  if (!resumable) return on_start(now);
  peer_priority_ = memory.peer_priority;
  gave_ = memory.gave;
  cause_ = memory.cause;
  state_ = memory.state;
  master_interval_ = memory.master_interval;
  deadline_ = memory.deadline;
  quiet_until_ = memory.quiet_until;
  grace_until_ = memory.grace_until;
  preempt_from_ = memory.preempt_from;
  if (state_ == State::Fault) return {};
  if (!std::exchange(usable_, true)) return on_usable(false, now);
  if (state_ == State::Master) return {AddAddresses{}};
  master_resigned_ = memory.resigned;
  // What it sent meanwhile was not heard.
  if (memory.master && !memory.resigned)
    follow(*memory.master, memory.master_priority, Duration::zero(), now);
  return {};
}

void InstanceFsm::change(const Settings& settings, TimePoint now) {
  const Duration waited_for = master_down_interval();
  if (settings.preempt != settings_.preempt || settings.preempt_delay != settings_.preempt_delay)
    preempt_from_ = kNever;
  // What was heard of the peer is newer than what the file says.
  if (peer_priority_ == settings_.peer_priority) peer_priority_ = settings.peer_priority;
  settings_ = settings;
  const bool adopted = settings_.version == Version::V3 && state_ == State::Backup &&
                       current_master_ && current_master_->followed;
  master_interval_ = adopted ? std::min(master_interval_, settings_.longest_adopted)
                             : settings_.interval;
  if (state_ == State::Backup && !master_resigned_)
    deadline_ = std::max(now, deadline_ + (master_down_interval() - waited_for));
  if (state_ == State::Master || state_ == State::Claiming)
    deadline_ = std::min(deadline_, now + settings_.interval);
}

}  // namespace hapair::vrrp
