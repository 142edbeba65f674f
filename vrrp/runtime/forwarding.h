// What this node passes on to the other, in the kernel.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/loop/loop.h"
#include "vrrp/core/forward_rules.h"

namespace hapair::vrrp {

/// Installs and removes tables of the packet filter on another thread, where that may take its time. The
/// last word counts, in whatever order the kernel hears them. Lives on its loop's thread and dies before
/// the loop.
class Forwarding {
 public:
  /// `tables`: all it will ever make.
  Forwarding(Loop& loop, std::vector<std::string> tables);
  ~Forwarding() { remove_now(); }

  /// Connections that live here already are added to the rules. `done` is called on the loop's thread,
  /// unless it was removed before.
  void install(std::vector<ForwardRules> rules, std::function<void(const Result<void>&)> done);
  void remove();
  /// Nothing is left when this returns. Waits for what is under way.
  void remove_now();
  /// Installed, or about to be.
  bool is_wanted() const { return wanted_; }
  const std::vector<std::string>& tables() const { return tables_; }

 private:
  struct Shared;

  Loop& loop_;
  const std::vector<std::string> tables_;
  const std::shared_ptr<Shared> shared_;
  bool wanted_ = false;
};

/// Why the kernel here cannot forward like this; empty: it can. Also loads what it needs for that, which
/// may take a while. Needs CAP_NET_ADMIN.
std::string why_no_forwarding();

}  // namespace hapair::vrrp
