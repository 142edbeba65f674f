// The server with the fewest sessions for its weight; among equals in turn.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "proxy/balance/balancer.h"
#include "proxy/balance/server.h"
#include "proxy/balance/tournament.h"

namespace hapair::balance {

/// A choice sees every session that was counted before it began, on whichever worker. Two that
/// choose in the same moment go to different servers where there are two equals.
class LeastConnections final : public Balancer {
 public:
  explicit LeastConnections(const Farm& farm);

  int pick(const PickInput& input) override;
  void on_load(int server) override { refresh(static_cast<std::size_t>(server), false); }

 private:
  void on_change() override;
  void refresh(std::size_t server, bool always);
  /// What the least of is chosen: load per weight, in whole steps; kOut without room.
  std::uint32_t key(std::size_t server) const;
  int look_at_all(std::size_t from, const Avoided& avoid) const;

  Tournament tournament_;
  std::vector<std::atomic<std::uint32_t>> steps_;    // what one session adds to a server's key
  alignas(64) std::atomic<std::uint32_t> turn_ = 0;  // among equals: the first to be asked
};

}  // namespace hapair::balance
