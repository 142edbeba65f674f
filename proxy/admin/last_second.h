// What the process did in the last second, by looking at its totals once a second.
#pragma once

#include <cstdint>

#include "common/loop/loop.h"
#include "proxy/runtime/supervisor.h"

namespace hapair::proxy {

/// Lives on the main thread. Nothing is counted for it on the data path: the kernel knows what
/// processor time each worker had, and what was sent is counted anyway.
class LastSecond {
 public:
  /// `supervisor` must outlive it. Begins when its loop runs.
  explicit LastSecond(Supervisor& supervisor);

  /// Of the workers' time, how much they did not compute: 0 … 100. A worker that waits for a
  /// processor that others have counts as idle.
  unsigned idle_percent() const { return idle_percent_; }
  /// Bytes to clients, of the requests (HTTP) and connections (TCP) that ended in it.
  std::uint64_t bytes_out() const { return bytes_out_; }

 private:
  void look();

  Supervisor& supervisor_;
  Timer timer_;
  TimePoint seen_{};  // zero: not yet
  Duration worked_{};
  std::uint64_t sent_ = 0;
  unsigned idle_percent_ = 100;
  std::uint64_t bytes_out_ = 0;
};

}  // namespace hapair::proxy
