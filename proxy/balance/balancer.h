// Chooses a server for a request; one algorithm a file.
#pragma once

#include "common/address.h"
#include "proxy/balance/server.h"

namespace hapair::balance {

/// What an algorithm may look at. Later algorithms add their keys (target, header).
struct PickInput {
  unsigned worker = 0;    // who asks: 0 … workers-1; `workers` is the main thread
  int avoid = kNoServer;  // the server that just failed this request: not again if another will do
  IpAddress client{};
};

class Balancer {
 public:
  virtual ~Balancer() = default;

  /// Index of a usable server that has room, or kNoServer. Any thread, without a lock; two callers
  /// must not use the same PickInput::worker at the same time.
  virtual int pick(const PickInput& input) = 0;

  /// The server that this client's requests belong to: if it is full they wait for that one.
  /// kNoServer: whichever has room. Any thread, without a lock.
  virtual int tie(const PickInput&) { return kNoServer; }

  /// Health, weight or maxconn of a server changed. Main thread.
  virtual void rebuild() = 0;

  /// A server's sessions or its queue changed. Any thread; for algorithms that look at load.
  virtual void on_load(int) {}
};

}  // namespace hapair::balance
