// The half of a planned handover that takes the address.
#pragma once

#include "vrrp/core/effect.h"
#include "vrrp/core/handover.h"

namespace hapair::vrrp {

/// Pure. See core/handover.h for the steps.
class HandoverTaker {
 public:
  enum class Step : std::uint8_t {
    Idle,
    Wanted,      // asks to be offered
    Installing,  // forwarding is on its way into the kernel
    Ready,
    Refused,     // said for a while
    Forwarding,  // has the address, and passes on what belongs to the giver
  };
  explicit HandoverTaker(handover::Settings settings) : settings_(std::move(settings)) {}

  /// A backup asks for the address.
  handover::Orders want(TimePoint now);
  handover::Orders on_offer(std::uint64_t id, State own, TimePoint now);
  handover::Orders on_go(std::uint64_t id, TimePoint now);
  handover::Orders on_done(std::uint64_t id);
  handover::Orders on_installed(bool good, std::string_view why, TimePoint now);
  /// The election has changed, for whatever reason.
  handover::Orders on_state(State own, TimePoint now);
  /// Nothing is heard of the giver any more: it is gone, and its connections with it.
  handover::Orders on_silence();
  handover::Orders on_deadline(TimePoint now);
  /// The daemon ends: nothing is left behind.
  handover::Orders on_shutdown() { return end(); }

  Step step() const { return step_; }
  handover::Word word() const;
  TimePoint deadline() const { return deadline_; }

 private:
  void enter(Step step, TimePoint deadline);
  handover::Orders end();

  handover::Settings settings_;
  Step step_ = Step::Idle;
  std::uint64_t id_ = 0;
  std::string why_;  // refused
  TimePoint deadline_ = kNever;
  bool installed_ = false;  // or being so
};

}  // namespace hapair::vrrp
