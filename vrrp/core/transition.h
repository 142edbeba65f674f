// A change of state of one virtual router, as those are told who do not take part in the election.
#pragma once

#include <cstdint>
#include <string>

#include "common/clock.h"
#include "vrrp/core/effect.h"

namespace hapair::vrrp {

struct Transition {
  std::string instance;
  State from = State::Initialize;
  State to = State::Initialize;
  std::uint8_t priority = 0;  // effective, at that moment
  std::string why;            // a sentence's worth: "no master was heard", "interface eth1 is down or gone"
  WallTime at{};
  friend bool operator==(const Transition&, const Transition&) = default;
};

}  // namespace hapair::vrrp
