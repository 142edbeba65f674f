// A thread for what the loop's must not wait for.
#pragma once

#include <functional>
#include <memory>

#include "common/error.h"
#include "common/loop/loop.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// Does one piece of work each time it is asked. The loop's thread is of real-time priority and
/// this one is not: on a busy machine it may stand still at any point, and whoever waited for a
/// lock that it holds would stand still with it. So the two share none, neither here nor in the
/// work: what that works on is its own from ask() to `on_done`, of a fixed size, and allocated and
/// freed on neither's account. (The pool behind Loop::offload wakes the loop with a lock in its
/// hand.)
class SideThread final : private Watcher {
 public:
  /// `work` runs on the thread and may outlive this, so it owns or shares what it touches.
  /// `on_done` is called from the loop after it, and never after the end of this. An error tells
  /// why there can be none.
  static Result<std::unique_ptr<SideThread>> begin(Loop& loop, std::function<void()> work,
                                                   std::function<void()> on_done);
  ~SideThread();

  /// Asked again before `on_done`, it works once more after it.
  void ask();

 private:
  struct Shared;

  SideThread(Loop& loop, std::shared_ptr<Shared> shared, std::function<void()> on_done);
  void on_ready(std::uint32_t events) override;

  Loop& loop_;
  std::shared_ptr<Shared> shared_;
  std::function<void()> on_done_;
  bool busy_ = false, again_ = false;
};

}  // namespace hapair::vrrp
