#include "proxy/balance/first.h"

namespace hapair::balance {

First::First(const Farm& farm) : Balancer(farm), tournament_(farm.size()) {
  rebuild();
}

void First::on_change() {
  for (std::size_t i = 0; i < farm_.size(); ++i) refresh(i, true);
}

void First::refresh(std::size_t server, bool always) {
  const auto key = [this, server] {
    return may_have(server) ? static_cast<std::uint32_t>(server) : Tournament::kOut;
  };
  tournament_.refresh(server, key, always);
}

bool First::may_have(std::size_t server) const {
  return farm_[server]->usable() && farm_[server]->has_room();
}

int First::pick(const PickInput& input) {
  if (input.avoid.empty()) {
    for (int first; (first = tournament_.next(0)) != Tournament::kNobody;) {
      if (may_have(static_cast<std::size_t>(first))) return first;
      on_load(first);  // whoever filled it has not come to say so
    }
  }
  // A request that was refused somewhere looks for itself; so does one that finds everything full,
  // since it is about to wait and a slot that comes free in this moment must not be missed.
  for (std::size_t i = 0; i < farm_.size(); ++i)
    if (!input.avoid.contains(static_cast<int>(i)) && may_have(i)) return static_cast<int>(i);
  return last_resort(farm_, input.avoid);
}

}  // namespace hapair::balance
