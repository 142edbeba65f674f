#include "proxy/balance/schedule.h"

#include <algorithm>
#include <numeric>
#include <queue>

namespace hapair::balance {
namespace {

// Turns per round: the weights without their common divisor, scaled down if the round gets too
// long.
std::vector<std::uint64_t> turns_of(std::span<const unsigned> weights) {
  std::uint64_t divisor = 0, total = 0;
  for (const unsigned weight : weights) divisor = std::gcd(divisor, std::uint64_t{weight});
  std::vector<std::uint64_t> turns(weights.begin(), weights.end());
  if (divisor == 0) return turns;
  for (auto& turn : turns) total += turn /= divisor;
  if (total <= Schedule::kLongestRound) return turns;
  for (auto& turn : turns)
    if (turn > 0) turn = std::max<std::uint64_t>(1, turn * Schedule::kLongestRound / total);
  return turns;
}

// A server's next turn, due before `done + 1` of its `turns` parts of the round are over.
struct Due {
  int server;
  std::uint64_t turns;
  std::uint64_t done;
};

// Later deadline = lower priority. Among equals the rarer server goes first (it has waited longer
// for its one turn), then the one that stands first in the configuration.
struct Later {
  bool operator()(const Due& a, const Due& b) const {
    const std::uint64_t left = (a.done + 1) * b.turns, right = (b.done + 1) * a.turns;
    if (left != right) return left > right;
    if (a.turns != b.turns) return a.turns > b.turns;
    return a.server > b.server;
  }
};

}  // namespace

// Earliest eligible virtual deadline first: in slot t of T a server with w turns, p of them done,
// is eligible once (t + 1) · w > T · p, so nobody runs ahead of its share; of those, the one whose
// next part of the round ends first has the turn. Every slot finds one, and each server gets
// exactly w.
Schedule::Schedule(std::span<const unsigned> weights) {
  const std::vector<std::uint64_t> turns = turns_of(weights);
  const std::uint64_t total = std::accumulate(turns.begin(), turns.end(), std::uint64_t{0});
  order_.reserve(total);
  std::vector<std::vector<Due>> eligible_from(total + 1);
  for (std::size_t i = 0; i < turns.size(); ++i)
    if (turns[i] > 0) eligible_from[0].push_back({static_cast<int>(i), turns[i], 0});
  std::priority_queue<Due, std::vector<Due>, Later> eligible;
  for (std::uint64_t slot = 0; slot < total; ++slot) {
    for (const Due& due : eligible_from[slot]) eligible.push(due);
    Due due = eligible.top();
    eligible.pop();
    order_.push_back(due.server);
    if (++due.done < due.turns)
      eligible_from[std::max(slot + 1, total * due.done / due.turns)].push_back(due);
  }
}

}  // namespace hapair::balance
