#include "proxy/balance/random_draws.h"

#include "proxy/balance/mix.h"

namespace hapair::balance {
namespace {

// Of the dice for one draw; after that the next other server of the round will do.
constexpr unsigned kRolls = 8;

}  // namespace

RandomDraws::RandomDraws(const Farm& farm, unsigned workers, unsigned draws)
    : Balancer(farm), draws_(draws), rotation_(workers), dice_(workers + 1) {
  for (std::size_t i = 0; i < dice_.size(); ++i) dice_[i].state = mix(i + 1);
  rebuild();
}

std::uint64_t RandomDraws::roll(unsigned worker) {
  return mix(dice_[worker].state += kGolden);
}

int RandomDraws::pick(const PickInput& input) {
  const Schedule& schedule = rotation_.schedule_for(input.worker);
  if (schedule.empty()) return kNoServer;
  const Server* best = nullptr;
  int least = kNoServer;
  std::uint64_t turn = 0;
  // Those to avoid are no candidates, and the best so far once more tells nothing.
  const auto pointless = [&] {
    return schedule.at(turn) == least || input.avoid.contains(schedule.at(turn));
  };
  for (unsigned i = 0; i < draws_; ++i) {
    for (unsigned rolls = 0; rolls == 0 || (pointless() && rolls < kRolls); ++rolls)
      turn = roll(input.worker) % schedule.size();
    for (std::size_t step = 0; pointless() && step < schedule.size(); ++step) ++turn;
    const int drawn = schedule.at(turn);
    const Server& server = *farm_[static_cast<std::size_t>(drawn)];
    if (input.avoid.contains(drawn) || !server.usable() || !server.has_room()) continue;
    if (best && std::uint64_t{server.load()} * best->effective_weight() >=
                    std::uint64_t{best->load()} * server.effective_weight())
      continue;
    best = &server;
    least = drawn;
  }
  return best ? least : next_with_room(farm_, schedule, turn, input.avoid);
}

}  // namespace hapair::balance
