// What the peer says of itself over the pair channel, as the election of one instance hears it.
#pragma once

#include <cstdint>
#include <optional>

#include "common/clock.h"
#include "vrrp/core/effect.h"

namespace hapair::vrrp {

/// A second way to hear the peer. A master that is not heard on the link, because its adverts are lost, is
/// heard here, so its silence there is no reason for a second master; one that gave up without our hearing
/// its resignation is heard to be none any more. Pure.
class PeerGuard {
 public:
  struct Report {
    State state = State::Initialize;
    std::uint8_t priority = 0;  // effective
    bool fit = false;           // it could serve
  };
  /// An advert that the report stands for, or nothing. A priority of 0 resigns.
  std::optional<std::uint8_t> on_report(const Report& report, State own, TimePoint now);
  /// An advert of the peer came over the link, a resignation maybe.
  void on_advert(std::uint8_t priority, TimePoint now);
  /// The channel is silent: nothing is known of the peer.
  void on_silence() { report_.reset(); }

  /// What the peer would be as a master; nothing: not known, or it could not serve.
  std::optional<std::uint8_t> priority() const;
  const std::optional<Report>& report() const { return report_; }

  /// The peer says that it is master, and none of its adverts has come over the link for `patience`: the
  /// link loses them. Told once when it begins and once when it ends.
  enum class Link : std::uint8_t { Unchanged, Deaf, Heard };
  Link judge_link(Duration patience, TimePoint now);

 private:
  std::optional<Report> report_;
  TimePoint master_since_ = kNever;  // by its own word, without a break
  TimePoint advert_at_ = TimePoint::min();
  TimePoint resigned_at_ = TimePoint::min();  // and nothing newer of the peer is known
  bool deaf_ = false;
};

}  // namespace hapair::vrrp
