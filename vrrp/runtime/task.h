// What the daemon is asked to do, and what it is to do it with.
#pragma once

#include "common/config_digest.h"
#include "common/key_ring.h"
#include "vrrp/config/config.h"

namespace hapair::vrrp {

struct Task {
  Config config;
  KeyRing keys;         // empty: none are needed
  ConfigDigest digest;  // of the files, for the other node to compare with its own
};

}  // namespace hapair::vrrp
