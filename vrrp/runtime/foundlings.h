// Children that the program before this one has left to us.
#pragma once

#include <memory>
#include <vector>

#include "common/loop/loop.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// The old guardian, and scripts that were running: they end when they like, and are collected
/// then. To be made before this program has children of its own.
class Foundlings {
 public:
  explicit Foundlings(Loop& loop);
  ~Foundlings();

 private:
  class Child;
  std::vector<std::unique_ptr<Child>> children_;
};

}  // namespace hapair::vrrp
