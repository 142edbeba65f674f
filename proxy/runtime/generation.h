// One worker's view of one snapshot: the snapshot, and this worker's connections to its servers.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/runtime/server_pool.h"
#include "proxy/runtime/snapshot.h"

namespace hapair::proxy {

/// The worker serves by its newest one. Older ones live while something still uses them; counted
/// without atomics, since everything here stays on the worker's thread.
struct Generation {
  explicit Generation(std::shared_ptr<Snapshot> shown) : snapshot(std::move(shown)) {}

  const std::shared_ptr<Snapshot> snapshot;
  // [backend][server]; a server that stays keeps its pool through all generations.
  std::vector<std::vector<std::shared_ptr<ServerPool>>> pools;
  std::size_t users = 0;
};

/// Keeps a generation alive. May be empty.
class GenerationUse {
 public:
  GenerationUse() = default;
  explicit GenerationUse(Generation& generation) : generation_(&generation) { ++generation.users; }
  GenerationUse(const GenerationUse&) = delete;
  GenerationUse& operator=(GenerationUse&& other) noexcept {
    std::swap(generation_, other.generation_);
    return *this;
  }
  ~GenerationUse() {
    if (generation_) --generation_->users;
  }
  Generation* get() const { return generation_; }
  void reset() {
    if (generation_) --std::exchange(generation_, nullptr)->users;
  }

 private:
  Generation* generation_ = nullptr;
};

}  // namespace hapair::proxy
