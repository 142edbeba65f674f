// The first server of the configuration that has a free slot, so that few are needed when there is
// little to do.
#pragma once

#include "proxy/balance/balancer.h"
#include "proxy/balance/tournament.h"

namespace hapair::balance {

/// Weights do not count, but for 0. Of use only where servers have a maxconn.
class First final : public Balancer {
 public:
  explicit First(const Farm& farm);

  int pick(const PickInput& input) override;
  void on_load(int server) override { refresh(static_cast<std::size_t>(server), false); }

 private:
  void on_change() override;
  void refresh(std::size_t server, bool always);
  bool may_have(std::size_t server) const;

  Tournament tournament_;  // a server's key is its own index, while it has room
};

}  // namespace hapair::balance
