// Chooses a server for a request; one algorithm a file.
#pragma once

#include <cstdint>
#include <optional>

#include "proxy/balance/server.h"

namespace hapair::balance {

/// What an algorithm may look at.
struct PickInput {
  unsigned worker = 0;    // who asks: 0 … workers-1; `workers` is the main thread
  Avoided avoid{};
  // A hash of what ties the request to a server, for the algorithms that have such a thing; nothing
  // where the request lacks it (a header that is not there): those go around in turn.
  std::optional<std::uint64_t> key;
};

class Balancer {
 public:
  /// The farm must outlive it.
  explicit Balancer(const Farm& farm) : farm_(farm) {}
  virtual ~Balancer() = default;

  /// Index of a usable server that has room, or kNoServer. Any thread, without a lock; two callers
  /// must not use the same PickInput::worker at the same time.
  virtual int pick(const PickInput& input) = 0;

  /// The server that requests with this key belong to: if it is full they wait for that one.
  /// kNoServer: whichever has room. Any thread, without a lock.
  virtual int tie(const PickInput&) { return kNoServer; }

  /// Health, weight, warmth, maxconn or role of a server changed. Main thread.
  void rebuild() {
    assign_duty(farm_, all_backups_);
    on_change();
  }
  /// Not the first able backup alone stands in, but all. Main thread; counts from the next rebuild().
  void use_all_backups(bool all) { all_backups_ = all; }

  /// A server's sessions or its queue changed. Any thread; for algorithms that look at load.
  virtual void on_load(int) {}

 protected:
  virtual void on_change() = 0;

  const Farm& farm_;

 private:
  bool all_backups_ = false;
};

}  // namespace hapair::balance
