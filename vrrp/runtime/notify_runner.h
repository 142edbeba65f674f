// Runs the commands that tell of the changes of one instance or group, one after the other.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/log.h"
#include "common/loop/loop.h"
#include "common/loop/subprocess.h"
#include "vrrp/core/newest_queue.h"
#include "vrrp/core/notice.h"

namespace hapair::vrrp {

/// In the order of the changes: keepalived starts them all at once, and the one that ends last is
/// believed. A command that hangs is ended after its timeout, and what happened last is not lost
/// behind it. Lives on its loop's thread.
class NotifyRunner {
 public:
  struct Run {
    std::string key;  // "notify_master", for the log
    Notice::Event event;
    Command command;
    Duration timeout;
  };
  /// `subject` is what the log calls whom it tells of: "VRRP_Instance(VI_1)". `on_idle` is called from
  /// the loop when the last command has ended.
  NotifyRunner(Loop& loop, std::string subject, Logger& log, std::function<void()> on_idle);

  void push(Run run);
  /// The daemon stops: of what waits, only what tells of that is run, and what else runs has `patience`.
  void hurry(Duration patience);
  /// What runs goes on without us, what waits is not run.
  void let_go();
  bool is_idle() const { return !process_; }

 private:
  void next();
  void on_exit(const ExitReport& report);
  void skip(const Run& run, std::string_view why);

  Loop& loop_;
  const std::string subject_;
  Logger& log_;
  const std::function<void()> on_idle_;
  NewestQueue<Run> waiting_;
  std::optional<Subprocess> process_;
  Run running_{};  // what process_ is
  Timer impatience_;
};

}  // namespace hapair::vrrp
