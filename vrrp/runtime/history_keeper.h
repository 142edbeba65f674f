// Keeps the history of changes of state, and of drills, where the next process finds it.
#pragma once

#include "vrrp/core/history.h"
#include "vrrp/runtime/run_file.h"

namespace hapair::vrrp {

/// In `vrrp-history` of the run directory. Begins with what is there.
class HistoryKeeper {
 public:
  HistoryKeeper(const std::string& run_directory, Logger& log)
      : file_(run_directory, "vrrp-history", log), history_(History::read(file_.read())) {}

  const History& history() const { return history_; }
  void add(const Transition& transition) {
    history_.add(transition);
    changed_ = true;
  }
  void add(const Rehearsal& rehearsal) {
    history_.add(rehearsal);
    changed_ = true;
  }
  /// Once a turn: a failover changes many instances at a time.
  void save() {
    if (std::exchange(changed_, false)) file_.write(history_.write());
  }

 private:
  RunFile file_;
  History history_;
  bool changed_ = false;
};

}  // namespace hapair::vrrp
