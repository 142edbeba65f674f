#include "proxy/balance/hash_ring.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "proxy/balance/mix.h"

namespace hapair::balance {
namespace {

using Shares = std::vector<HashRing::Share>;

HashRing ring_of(const Shares& shares) {
  return HashRing(shares);
}

TEST(HashRing, GivesEveryServerItsPoints) {
  const HashRing ring = ring_of({{"a", 100}, {"b", 0}, {"c", 50}});
  ASSERT_EQ(ring.size(), 150u);
  std::vector<int> counts(3);
  for (std::size_t point = 0; point < ring.size(); ++point)
    ++counts[static_cast<std::size_t>(ring.at(point))];
  EXPECT_EQ(counts, (std::vector<int>{100, 0, 50}));
}

TEST(HashRing, IsTheSameInWhateverOrderTheServersStand) {
  const HashRing one = ring_of({{"a", 64}, {"b", 64}}), other = ring_of({{"b", 64}, {"a", 64}});
  for (std::uint64_t key = 0; key < 1000; ++key)
    ASSERT_EQ(one.at(one.first_of(key)), 1 - other.at(other.first_of(key)));
}

TEST(HashRing, CountsAround) {
  const HashRing ring = ring_of({{"a", 3}, {"b", 2}});
  EXPECT_EQ(ring.at(7), ring.at(2));
}

// What the other node computes, maybe with another version or on another kind of machine.
TEST(HashRing, NeverChangesItsMind) {
  const HashRing ring = ring_of({{"web1", 256}, {"web2", 256}, {"web3", 256}});
  std::string servers;
  for (std::uint64_t key = 0; key < 16; ++key)
    servers += static_cast<char>('1' + ring.at(ring.first_of(mix(key))));
  EXPECT_EQ(servers, "2131323331213232");
}

}  // namespace
}  // namespace hapair::balance
