// Something that happened to a virtual router that keeps its state.
#pragma once

#include <cstdint>
#include <string>

#include "vrrp/core/effect.h"

namespace hapair::vrrp {

struct Remark {
  enum class Kind {
    LowerHeard,  // a lower router speaks as master, and was answered
    Priority,    // the effective priority is another one
  };
  std::string instance;
  Kind kind = Kind::Priority;
  State state = State::Initialize;
  std::uint8_t priority = 0;  // effective
};

}  // namespace hapair::vrrp
