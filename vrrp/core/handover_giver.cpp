#include "vrrp/core/handover_giver.h"

#include <fmt/format.h>

#include <algorithm>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using handover::Orders;
using handover::kSaid;
using handover::kSettling;
using handover::Told;

constexpr Duration kBetweenCounts = 250ms;

}  // namespace

void HandoverGiver::enter(Step step, TimePoint deadline) {
  step_ = step;
  deadline_ = deadline;
}

handover::Word HandoverGiver::word() const {
  switch (step_) {
    case Step::Offered: return {"offer", id_, {}};
    case Step::Draining: return {"go", id_, {}};
    case Step::Done: return {"done", id_, {}};
    case Step::Idle:
    case Step::Returned: break;
  }
  return {};
}

/// The address moves all the same, and connections break.
Orders HandoverGiver::fall_back(std::string_view why) {
  enter(Step::Idle, kNever);
  return {Told{fmt::format("handing over without keeping connections: {}", why), true},
          handover::Give{}};
}

Orders HandoverGiver::give(std::uint64_t id, TimePoint now) {
  if (step_ == Step::Offered || step_ == Step::Draining) return {};
  if (!settings_.cannot.empty()) return fall_back(settings_.cannot);
  id_ = id;
  enter(Step::Offered, now + settings_.patience);
  return {};
}

Orders HandoverGiver::on_ready(std::uint64_t id, TimePoint now) {
  if (step_ != Step::Offered || id != id_) return {};
  began_ = now;
  left_ = 0;
  enter(Step::Draining, now + kBetweenCounts);
  return {Told{"handing over: connections that are established stay here until they end"},
          handover::HoldOnLoopback{}, handover::Give{}};
}

Orders HandoverGiver::on_refusal(std::uint64_t id, std::string_view why, TimePoint) {
  if (step_ != Step::Offered || id != id_) return {};
  return fall_back(fmt::format("the other node refused: {}", why));
}

Orders HandoverGiver::on_silence() {
  if (step_ != Step::Offered) return {};
  enter(Step::Idle, kNever);
  return {Told{"not handing over: the other node is not heard any more", true}};
}

Orders HandoverGiver::on_unfit(State other, State own) {
  if (step_ == Step::Offered) {
    enter(Step::Idle, kNever);
    return {Told{"not handing over: the other node cannot serve any more", true}};
  }
  // Its failure and our word passed each other on the way: it never became master, and does not resign.
  if (step_ != Step::Draining || own != State::Backup || other != State::Fault) return {};
  return {Told{"taking the address back: the other node cannot serve", true}, handover::Take{}};
}

Orders HandoverGiver::on_connections(std::uint64_t left, TimePoint now) {
  if (step_ != Step::Draining) return {};
  left_ = left;
  if (left > 0 || now - began_ < kSettling) return {};
  enter(Step::Done, now + kSaid);
  return {handover::ReleaseLoopback{}, Told{"the last connection that stayed here has ended"}};
}

Orders HandoverGiver::on_state(State own, TimePoint now) {
  if (step_ == Step::Offered && own != State::Master) {
    enter(Step::Idle, kNever);  // it went by itself
    return {};
  }
  if (step_ != Step::Draining || own != State::Master) return {};
  enter(Step::Returned, now + kSettling);
  return {handover::ReleaseLoopback{}};
}

Orders HandoverGiver::on_deadline(TimePoint now) {
  if (now < deadline_) return {};
  switch (step_) {
    case Step::Idle: deadline_ = kNever; break;
    case Step::Offered: return fall_back("the other node did not answer");
    case Step::Draining:
      if (now - began_ < settings_.drain_limit) {
        deadline_ = std::min(now + kBetweenCounts, began_ + settings_.drain_limit);
        return {handover::Count{}};
      }
      enter(Step::Done, now + kSaid);
      return {handover::ReleaseLoopback{},
              Told{fmt::format("the drain limit is reached: {} connections are cut", left_), true}};
    case Step::Returned: enter(Step::Done, now + kSaid); break;
    case Step::Done: enter(Step::Idle, kNever); break;
  }
  return {};
}

Orders HandoverGiver::on_shutdown() {
  const bool holds = step_ == Step::Draining;
  enter(Step::Idle, kNever);
  if (!holds) return {};
  return {handover::ReleaseLoopback{}};
}

}  // namespace hapair::vrrp
