// Decides whether enough processes of a kind run.
#pragma once

#include <algorithm>
#include <optional>
#include <set>

#include "common/clock.h"
#include "vrrp/core/debounce.h"

namespace hapair::vrrp {

/// Pure: the owner watches the processes it found, searches when search_at() has come, and brings
/// what it hears with the time. What falls below the quorum is searched for at once, and is bad
/// only if that finds too few: a successor may have been running before its predecessor ended. But
/// a search that takes long, of many processes or on a disk that hangs, is not waited for.
class Quorum {
 public:
  struct Settings {
    int least = 1;                // so many must run
    Debounce::Settings delays{};  // from when there are enough, or too few
  };
  Quorum(Settings settings, TimePoint now)
      : settings_(settings), debounce_(settings.delays), search_at_(now) {}

  /// A search has begun. No other is due until its end.
  void on_search();
  /// It found a process, which is watched from now on.
  void on_found(int pid) { pids_.insert(pid); }
  /// It came to its end, or has found enough. Returns the new verdict if this changed it.
  std::optional<Verdict> on_searched(TimePoint now);
  void on_ended(int pid, TimePoint now);
  std::optional<Verdict> on_deadline(TimePoint now);

  bool knows(int pid) const { return pids_.contains(pid); }
  int running() const { return static_cast<int>(pids_.size()); }
  bool is_enough() const { return running() >= settings_.least; }
  Verdict verdict() const { return debounce_.verdict(); }
  /// When to search; kNever while there are enough, and during a search.
  TimePoint search_at() const { return search_at_; }
  TimePoint deadline() const { return std::min(debounce_.deadline(), lost_at_); }

 private:
  Settings settings_;
  Debounce debounce_;
  std::set<int> pids_;  // that run
  bool searching_ = false;
  TimePoint search_at_;
  TimePoint lost_at_ = kNever;  // when too few count although the search goes on
};

}  // namespace hapair::vrrp
