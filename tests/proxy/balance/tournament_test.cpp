#include "proxy/balance/tournament.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

namespace hapair::balance {
namespace {

constexpr std::uint32_t kOut = Tournament::kOut;

// Players whose keys the test sets.
struct Game {
  explicit Game(std::size_t players) : keys(players), tree(players) {
    for (auto& key : keys) key = kOut;
  }
  void set(std::size_t player, std::uint32_t key) {
    keys[player] = key;
    refresh(player);
  }
  void refresh(std::size_t player) {
    tree.refresh(player, [&] { return keys[player].load(); });
  }
  // What a look at everybody says.
  int expected(std::size_t from) const {
    int best = Tournament::kNobody;
    std::uint32_t smallest = kOut;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::size_t player = (from + i) % keys.size();
      if (keys[player] >= smallest) continue;
      smallest = keys[player];
      best = static_cast<int>(player);
    }
    return best;
  }

  std::vector<std::atomic<std::uint32_t>> keys;
  Tournament tree;
};

TEST(Tournament, KnowsNobodyUntilSomebodyIsIn) {
  Game game(3);
  EXPECT_EQ(game.tree.next(0), Tournament::kNobody);
  game.set(2, 7);
  EXPECT_EQ(game.tree.next(0), 2);
  game.set(2, kOut);
  EXPECT_EQ(game.tree.next(0), Tournament::kNobody);
}

TEST(Tournament, GoesAroundAmongEquals) {
  Game game(40);
  for (const std::size_t player : {3u, 17u, 39u}) game.set(player, 5);
  game.set(20, 6);
  EXPECT_EQ(game.tree.next(0), 3);
  EXPECT_EQ(game.tree.next(3), 3);
  EXPECT_EQ(game.tree.next(4), 17);
  EXPECT_EQ(game.tree.next(18), 39);
  game.set(39, 6);
  EXPECT_EQ(game.tree.next(18), 3);
}

TEST(Tournament, SaysWhatALookAtEverybodySaysForAnyNumberOfPlayers) {
  for (const std::size_t players : {1u, 2u, 15u, 16u, 17u, 255u, 256u, 257u, 1000u, 4097u}) {
    Game game(players);
    std::mt19937 random(static_cast<unsigned>(players));
    for (int step = 0; step < 3000; ++step) {
      const auto key = static_cast<std::uint32_t>(random() % 5);
      game.set(random() % players, key == 4 ? kOut : key);
      const std::size_t from = random() % players;
      ASSERT_EQ(game.tree.next(from), game.expected(from)) << players << " players, step " << step;
    }
  }
}

TEST(Tournament, IsExactOnceRacingThreadsAreDone) {
  for (unsigned round = 0; round < 30; ++round) {
    Game game(300);
    {
      std::vector<std::jthread> threads;
      for (unsigned thread = 0; thread < 4; ++thread)
        threads.emplace_back([&, thread] {
          std::mt19937 random(round * 4 + thread);
          for (int step = 0; step < 5000; ++step) {
            const std::size_t player = random() % 20 * 15;  // twenty that all of them change
            const auto to = static_cast<std::uint32_t>(random() % 6);
            game.keys[player] = to == 5 ? kOut : to;
            game.refresh(player);
            (void)game.tree.next(random() % 300);
          }
        });
    }
    for (std::size_t from = 0; from < 300; ++from)
      ASSERT_EQ(game.tree.next(from), game.expected(from)) << "round " << round;
  }
}

}  // namespace
}  // namespace hapair::balance
