// Children that nobody waits for any more.
#pragma once

#include <memory>
#include <vector>

#include "common/loop/loop.h"

namespace hapair::vrrp {

/// They end when they like, and are collected then. Lives on its loop's thread.
class Foundlings {
 public:
  explicit Foundlings(Loop& loop);
  ~Foundlings();

  /// What the program before this one has left to us: its guardian, and scripts that were running.
  /// Call before this program has children of its own.
  void find();
  /// A child of ours; one that has been waited for already, or none, is passed over.
  void add(int pid);

 private:
  class Child;
  void forget(const Child& child);

  Loop& loop_;
  std::vector<std::unique_ptr<Child>> children_;
};

}  // namespace hapair::vrrp
