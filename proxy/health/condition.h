// Everything that stands between a server and traffic.
#pragma once

#include <cstdint>

#include "proxy/health/health.h"

namespace hapair::health {

/// A set of reasons not to send work to a server; the empty set is plainly up. What an operator, the
/// file or a tracked server say stands beside what checks found out, so that neither forgets the
/// other. A value; balance::Server holds one for all threads.
class Condition {
 public:
  enum Reason : std::uint32_t {
    // What somebody wants. The values are HAProxy's srv_admin_state, see admin().
    kForcedMaint = 1,       // control socket, page, or the server's agent
    kInheritedMaint = 2,    // the tracked server is in maintenance
    kConfiguredMaint = 4,   // disabled in the file; goes with forced maintenance
    kForcedDrain = 8,       // as above, but those tied to the server stay with it
    kInheritedDrain = 16,
    kUnresolvedMaint = 32,  // its name has no address
    // What was found out.
    kUnproven = 1 << 8,     // checked, but no probe has ended yet
    kCheckDown = 1 << 9,    // by its checks, or by the traffic it spoiled
    kAgentDown = 1 << 10,   // by its agent
    kTrackedDown = 1 << 11, // the tracked server is down
    kStopping = 1 << 12,    // its check asks to be left alone (404, NOLB), as drain does
  };
  static constexpr std::uint32_t kMaint =
      kForcedMaint | kInheritedMaint | kConfiguredMaint | kUnresolvedMaint;
  static constexpr std::uint32_t kDrain = kForcedDrain | kInheritedDrain;
  static constexpr std::uint32_t kDown = kUnproven | kCheckDown | kAgentDown | kTrackedDown;

  constexpr Condition() = default;
  constexpr explicit Condition(std::uint32_t reasons) : reasons_(reasons) {}

  /// For requests that persistence ties to it.
  constexpr bool serves_tied() const { return (reasons_ & (kMaint | kDown)) == 0; }
  /// For everybody, as long as its weight is not 0.
  constexpr bool takes_new() const { return reasons_ == 0; }

  constexpr bool in_maintenance() const { return (reasons_ & kMaint) != 0; }
  constexpr bool draining() const { return (reasons_ & kDrain) != 0; }
  constexpr bool down() const { return (reasons_ & kDown) != 0; }
  constexpr bool stopping() const { return (reasons_ & kStopping) != 0 && !down(); }
  constexpr bool has(std::uint32_t any_of) const { return (reasons_ & any_of) != 0; }
  /// Health alone, whatever anybody wants.
  constexpr Health health() const {
    if (!down()) return Health::Up;
    return (reasons_ & kDown) == kUnproven ? Health::Unknown : Health::Down;
  }
  /// HAProxy's srv_admin_state.
  constexpr unsigned admin() const { return reasons_ & 0xff; }

  constexpr Condition with(std::uint32_t reasons) const { return Condition(reasons_ | reasons); }
  constexpr Condition without(std::uint32_t reasons) const { return Condition(reasons_ & ~reasons); }
  constexpr Condition with(std::uint32_t reasons, bool on) const {
    return on ? with(reasons) : without(reasons);
  }
  /// What a server that tracks one in this condition takes over from it.
  constexpr Condition inherited() const {
    return Condition()
        .with(kInheritedMaint, in_maintenance())
        .with(kInheritedDrain, draining())
        .with(kUnproven, health() == Health::Unknown)
        .with(kTrackedDown, health() == Health::Down)
        .with(kStopping, stopping());
  }
  /// Everything that can be inherited.
  static constexpr std::uint32_t kInheritable =
      kInheritedMaint | kInheritedDrain | kUnproven | kTrackedDown | kStopping;

  constexpr std::uint32_t bits() const { return reasons_; }
  friend constexpr bool operator==(Condition, Condition) = default;

 private:
  std::uint32_t reasons_ = 0;
};

}  // namespace hapair::health
