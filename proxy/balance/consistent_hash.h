// The server a request's key says, on a ring: few keys move when servers come, go or change weight.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "proxy/balance/hash_ring.h"
#include "proxy/balance/keyed.h"
#include "proxy/balance/published.h"

namespace hapair::balance {

/// Shares follow the live weights. A server that cannot serve stays on the ring and is passed over,
/// so its keys alone move, and come back with it. Two nodes agree while they see the same servers up
/// with the same weights.
///
/// With a bound of B percent no server is given more than B percent of its fair share of all that is
/// under way or queued (rounded up): who finds his server that busy goes on along the ring. Requests
/// that choose in the same moment may not see one another, so with n workers a server may stand n-1
/// above.
class ConsistentHash final : public Keyed {
 public:
  /// `bound` in percent, above 100; 0: none.
  ConsistentHash(const Farm& farm, unsigned workers, unsigned bound);

  void on_load(int server) override;

 private:
  int owner(const PickInput& input, bool with_room) override;
  void on_change() override;
  bool within_bound(int server) const;

  const unsigned bound_;
  std::vector<unsigned> points_;  // of each server, as last published; main thread
  Published<HashRing> ring_;

  // For the bound alone: all load, kept as the sum of what was last seen of each server. Whoever has
  // stored what he saw looks once more, as in Tournament: so the last to store saw the last change.
  std::vector<std::atomic<std::uint32_t>> seen_;
  alignas(64) std::atomic<std::uint32_t> total_ = 0;
  std::atomic<std::uint64_t> weights_ = 1;  // effective ones of all usable servers
};

}  // namespace hapair::balance
