// What a worker knows of every client connection, whatever it speaks.
#pragma once

#include <cstddef>

#include "common/loop/loop.h"
#include "proxy/runtime/snapshot.h"

namespace hapair::proxy {

/// Owned by its worker from accept to retire().
class Session : public Watcher {
 public:
  explicit Session(FrontendState& frontend) : frontend_(frontend) {}
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  FrontendState& frontend() { return frontend_; }
  /// Where its worker keeps it.
  std::size_t slot = 0;

 private:
  FrontendState& frontend_;
};

}  // namespace hapair::proxy
