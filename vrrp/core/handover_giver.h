// The half of a planned handover that gives the address.
#pragma once

#include "vrrp/core/effect.h"
#include "vrrp/core/handover.h"

namespace hapair::vrrp {

/// Pure. See core/handover.h for the steps.
class HandoverGiver {
 public:
  enum class Step : std::uint8_t {
    Idle,
    Offered,   // waits for the other to be ready
    Draining,  // the address is on the loopback, for connections that live here
    Returned,  // master again: they need no loopback, and the other's forwarding a moment more
    Done,      // said for a while
  };
  explicit HandoverGiver(handover::Settings settings) : settings_(std::move(settings)) {}

  /// A master gives; `id` is drawn for this handover and never used again.
  handover::Orders give(std::uint64_t id, TimePoint now);
  handover::Orders on_ready(std::uint64_t id, TimePoint now);
  handover::Orders on_refusal(std::uint64_t id, std::string_view why, TimePoint now);
  /// Nothing is heard of the taker any more.
  handover::Orders on_silence();
  /// The other node says that it cannot serve, in that state; `own` is ours.
  handover::Orders on_unfit(State other, State own);
  handover::Orders on_connections(std::uint64_t left, TimePoint now);
  /// The election has changed, for whatever reason.
  handover::Orders on_state(State own, TimePoint now);
  handover::Orders on_deadline(TimePoint now);
  /// The daemon ends: nothing is left behind.
  handover::Orders on_shutdown();

  Step step() const { return step_; }
  handover::Word word() const;
  TimePoint deadline() const { return deadline_; }
  /// Connections that are still here, as counted last.
  std::uint64_t left() const { return left_; }

 private:
  void enter(Step step, TimePoint deadline);
  handover::Orders fall_back(std::string_view why);

  handover::Settings settings_;
  Step step_ = Step::Idle;
  std::uint64_t id_ = 0;
  TimePoint deadline_ = kNever;
  TimePoint began_{};  // to drain
  std::uint64_t left_ = 0;
};

}  // namespace hapair::vrrp
