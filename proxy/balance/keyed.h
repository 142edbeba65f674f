// What the algorithms share that let something of the request say which server it belongs to.
#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/balance/balancer.h"
#include "proxy/balance/rotation.h"

namespace hapair::balance {

/// Requests without a key go around in turn. Those with one wait for their server while it is full;
/// once they may not (its queue is full) they go to the next in their own order that has room.
class Keyed : public Balancer {
 public:
  Keyed(const Farm& farm, unsigned workers) : Balancer(farm), rotation_(workers) {}

  int pick(const PickInput& input) final {
    if (input.key) return owner(input, /*with_room=*/true);
    const Schedule& schedule = rotation_.schedule_for(input.worker);
    return next_with_room(farm_, schedule, turn_.fetch_add(1, std::memory_order_relaxed),
                          input.avoid);
  }
  int tie(const PickInput& input) final {
    return input.key ? owner(input, /*with_room=*/false) : kNoServer;
  }

 protected:
  /// The first usable server in the order of this key, but for those to avoid if there is another.
  virtual int owner(const PickInput& input, bool with_room) = 0;

  bool serves(int server, const PickInput& input, bool with_room) const {
    if (input.avoid.contains(server)) return false;
    const Server& candidate = *farm_[static_cast<std::size_t>(server)];
    return candidate.usable() && (!with_room || candidate.has_room());
  }
  void on_change() override { rotation_.rebuild(farm_); }

 private:
  Rotation rotation_;  // for those without a key
  alignas(64) std::atomic<std::uint64_t> turn_ = 0;
};

}  // namespace hapair::balance
