// Adds up how often and how long something was down.
#pragma once

#include <cstdint>

#include "common/clock.h"

namespace hapair::health {

/// For a server (by its checks) or a backend (by whether any server is usable).
class Downtime {
 public:
  explicit Downtime(TimePoint start) : last_change_(start) {}

  void on_up(TimePoint now) {
    if (!down_) return;
    total_ += now - last_change_;
    down_ = false;
    last_change_ = now;
  }
  void on_down(TimePoint now) {
    if (down_) return;
    ++downs_;
    down_ = true;
    last_change_ = now;
  }
  /// Something else about it changed, which is shown as its last change.
  void on_other(TimePoint now) {
    if (!down_) last_change_ = now;
  }
  /// It was down from the start: nothing went down.
  void begin_down() { down_ = true; }
  bool is_down() const { return down_; }
  std::uint64_t downs() const { return downs_; }
  void clear_downs() { downs_ = 0; }
  TimePoint last_change() const { return last_change_; }
  Duration total(TimePoint now) const { return down_ ? total_ + (now - last_change_) : total_; }

 private:
  bool down_ = false;
  std::uint64_t downs_ = 0;
  TimePoint last_change_;
  Duration total_{};
};

}  // namespace hapair::health
