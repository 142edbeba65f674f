#include "vrrp/core/handover_taker.h"

#include <fmt/format.h>

#include <utility>

namespace hapair::vrrp {
namespace {

using handover::Orders;
using handover::kSaid;
using handover::Told;

}  // namespace

void HandoverTaker::enter(Step step, TimePoint deadline) {
  step_ = step;
  deadline_ = deadline;
}

handover::Word HandoverTaker::word() const {
  switch (step_) {
    case Step::Wanted: return {"want", 0, {}};
    case Step::Ready: return {"ready", id_, {}};
    case Step::Refused: return {"refuse", id_, why_};
    case Step::Idle:
    case Step::Installing:
    case Step::Forwarding: break;
  }
  return {};
}

Orders HandoverTaker::end() {
  enter(Step::Idle, kNever);
  if (!std::exchange(installed_, false)) return {};
  return {handover::RemoveForwarding{}};
}

Orders HandoverTaker::want(TimePoint now) {
  if (step_ == Step::Idle || step_ == Step::Forwarding) enter(Step::Wanted, now + settings_.patience);
  return {};
}

Orders HandoverTaker::on_offer(std::uint64_t id, State own, TimePoint now) {
  if (own != State::Backup) return {};
  // It is said again and again until we are ready.
  if (id == id_ && step_ != Step::Idle && step_ != Step::Wanted) return {};
  id_ = id;
  if (!settings_.cannot.empty()) {
    why_ = settings_.cannot;
    enter(Step::Refused, now + kSaid);
    return {};
  }
  installed_ = true;
  enter(Step::Installing, now + settings_.patience);
  return {handover::InstallForwarding{}};
}

Orders HandoverTaker::on_installed(bool good, std::string_view why, TimePoint now) {
  if (step_ != Step::Installing) return {};
  if (good) {
    enter(Step::Ready, now + settings_.patience);
    return {};
  }
  installed_ = false;
  why_ = why;
  enter(Step::Refused, now + kSaid);
  return {Told{fmt::format("cannot take over without breaking connections: {}", why), true}};
}

Orders HandoverTaker::on_go(std::uint64_t id, TimePoint now) {
  if (step_ != Step::Ready || id != id_) return {};
  enter(Step::Forwarding, now + settings_.drain_limit + kSaid);
  return {handover::Take{}};
}

Orders HandoverTaker::on_done(std::uint64_t id) {
  if (step_ != Step::Forwarding || id != id_) return {};
  Orders out = end();
  out.push_back(Told{"the handover is complete: nothing is left at the other node"});
  return out;
}

Orders HandoverTaker::on_state(State own, TimePoint now) {
  if (own == State::Fault || own == State::Initialize) return end();
  if (own != State::Master) return {};
  // The resignation on the link was as good as the word.
  if (step_ == Step::Ready) enter(Step::Forwarding, now + settings_.drain_limit + kSaid);
  if (step_ == Step::Wanted) enter(Step::Idle, kNever);
  return {};
}

Orders HandoverTaker::on_silence() {
  if (step_ == Step::Idle) return {};
  return end();
}

Orders HandoverTaker::on_deadline(TimePoint now) {
  if (now < deadline_) return {};
  return end();
}

}  // namespace hapair::vrrp
