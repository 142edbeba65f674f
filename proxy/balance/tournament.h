// Which of many shared numbers is the smallest, found without looking at all of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hapair::balance {

/// A tree over one key a player: each entry above holds the smallest of the sixteen below it, which
/// stand in one cache line. Three levels serve 4096 players. Any thread may call anything, there is
/// no lock, and a change climbs only as far as it changes a smallest.
///
/// What makes it right when threads race: whoever stores an entry afterwards computes it again from
/// what is below, until both agree, and only then goes on to the entry above. So the last to store
/// has seen every change below it, or somebody will come who has: once nobody is under way, every
/// entry is exact. While others are under way an entry may be a moment old.
class Tournament {
 public:
  static constexpr std::uint32_t kOut = UINT32_MAX;  // the key of those that cannot win
  static constexpr int kNobody = -1;

  /// Everybody is out at first.
  explicit Tournament(std::size_t players);

  /// The player's key may have changed; `key_now()` computes it from sequentially consistent state.
  /// From state that is not, refresh with `always`: the store then orders it.
  template <typename KeyNow>
  void refresh(std::size_t player, KeyNow key_now, bool always = false) {
    std::atomic<std::uint32_t>& entry = at(0, player);
    std::uint32_t key = key_now();
    if (!always && entry.load() == key) return;
    for (;;) {
      entry.exchange(key);
      const std::uint32_t again = key_now();
      if (again == key) break;
      key = again;
    }
    climb(0, player / kWidth);
  }

  /// The first of those with the smallest key, counted from `from` on and around; kNobody if all
  /// are out.
  int next(std::size_t from);

 private:
  static constexpr std::size_t kWidth = 16;
  struct alignas(64) Line {
    Line();
    std::uint32_t smallest() const;
    /// The first entry from `from` on that is no larger than `key`, or kWidth.
    std::size_t first_within(std::uint32_t key, std::size_t from) const;
    std::array<std::atomic<std::uint32_t>, kWidth> entries;
  };

  std::atomic<std::uint32_t>& at(std::size_t level, std::size_t index) {
    return levels_[level][index / kWidth].entries[index % kWidth];
  }
  /// This line of this level changed: brings what stands above it up to date.
  void climb(std::size_t level, std::size_t line);
  int find(std::uint32_t key, std::size_t from);

  std::vector<std::vector<Line>> levels_;  // [0]: the players; the last one is one line
};

}  // namespace hapair::balance
