// What a worker knows of every client connection, whatever it speaks.
#pragma once

#include <cstddef>

#include "common/loop/loop.h"
#include "proxy/runtime/generation.h"

namespace hapair::proxy {

/// Owned by its worker from accept to retire(). Serves by the snapshot it began under; a kept-alive
/// one goes over to the newest between two requests.
class Session : public Watcher {
 public:
  Session(Generation& generation, FrontendState& frontend)
      : generation_(generation), frontend_(&frontend) {}
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The worker has a new snapshot. Must not call back into anybody: the worker is visiting all.
  virtual void on_reload() = 0;

  FrontendState& frontend() { return *frontend_; }
  Snapshot& snapshot() { return *generation_.get()->snapshot; }
  /// Where its worker keeps it.
  std::size_t slot = 0;

 protected:
  Generation& generation() { return *generation_.get(); }
  void move_to(Generation& generation, FrontendState& frontend) {
    generation_ = GenerationUse(generation);
    frontend_ = &frontend;
  }

 private:
  GenerationUse generation_;
  FrontendState* frontend_;
};

}  // namespace hapair::proxy
