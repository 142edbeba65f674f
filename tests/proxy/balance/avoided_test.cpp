#include "proxy/balance/avoided.h"

#include <gtest/gtest.h>

#include <vector>

namespace hapair::balance {
namespace {

std::vector<int> list(const Avoided& avoided) {
  return {avoided.oldest_first().begin(), avoided.oldest_first().end()};
}

TEST(Avoided, NamesWhoFailedTheOldestFirst) {
  Avoided avoided;
  EXPECT_TRUE(avoided.empty());
  EXPECT_FALSE(avoided.contains(0));
  avoided.add(4);
  avoided.add(2);
  avoided.add(4);
  EXPECT_EQ(list(avoided), (std::vector{2, 4}));
  EXPECT_TRUE(avoided.contains(4));
  EXPECT_FALSE(avoided.contains(3));
}

TEST(Avoided, ForgetsTheOldestWhenItIsFull) {
  Avoided avoided;
  for (int server = 0; server < 9; ++server) avoided.add(server);
  EXPECT_EQ(list(avoided), (std::vector{3, 4, 5, 6, 7, 8}));
}

TEST(Avoided, FollowsAReload) {
  Avoided avoided{0, 1, 2};
  avoided.renumber([](int server) { return server == 1 ? kNoServer : 10 - server; });
  EXPECT_EQ(list(avoided), (std::vector{10, 8}));
}

}  // namespace
}  // namespace hapair::balance
