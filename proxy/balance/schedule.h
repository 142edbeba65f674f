// The order of turns that smooth weighted round robin gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hapair::balance {

/// One round: every server as often as its weight says (divided by the weights' greatest common
/// divisor), spread as evenly as whole turns allow. Immutable.
class Schedule {
 public:
  /// Rounds are at most this long; beyond it weights are scaled down, to no less than one turn.
  static constexpr std::uint64_t kLongestRound = 65536;

  Schedule() = default;
  /// Servers of weight 0 get no turn. O(round · log servers).
  explicit Schedule(std::span<const unsigned> weights);

  bool empty() const { return order_.empty(); }
  std::size_t size() const { return order_.size(); }
  /// The server whose turn it is; any turn number.
  int at(std::uint64_t turn) const { return order_[turn % order_.size()]; }
  const std::vector<int>& order() const { return order_; }

 private:
  std::vector<int> order_;
};

}  // namespace hapair::balance
