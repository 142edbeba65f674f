#include "proxy/balance/consistent_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "farm.h"
#include "picks.h"
#include "proxy/balance/admission.h"
#include "proxy/balance/mix.h"

namespace hapair::balance {
namespace {

using Sketches = std::vector<Sketch>;

struct Backend {
  explicit Backend(std::vector<Sketch> sketches, unsigned bound = 0, unsigned workers = 1)
      : farm(make_farm(std::move(sketches))),
        balancer(farm, workers, bound),
        admission(farm, balancer) {}

  int server_of(unsigned key, const Avoided& avoid = {}) {
    return balancer.pick({.avoid = avoid, .key = mix(key)});
  }
  std::vector<int> servers_of(unsigned keys) {
    std::vector<int> servers;
    for (unsigned key = 0; key < keys; ++key) servers.push_back(server_of(key));
    return servers;
  }
  std::vector<int> counts(unsigned keys) {
    std::vector<int> counts(farm.size());
    for (const int server : servers_of(keys)) ++counts[static_cast<std::size_t>(server)];
    return counts;
  }

  Farm farm;
  ConsistentHash balancer;
  Admission admission;
};

TEST(ConsistentHash, GivesAKeyTheSameServerOnBothNodes) {
  Backend hap1(Sketches{{}, {}, {}}), hap2(Sketches{{}, {}, {}});
  EXPECT_EQ(hap1.servers_of(1000), hap2.servers_of(1000));
}

TEST(ConsistentHash, SharesKeysByLiveWeight) {
  Backend backend(Sketches{{.weight = 1}, {.weight = 1}});
  backend.farm[0]->set_weight(3);
  backend.balancer.rebuild();
  EXPECT_NEAR(backend.counts(40000)[0], 30000, 2000);
}

TEST(ConsistentHash, MovesOneKeyInNWhenAServerLeavesOrComes) {
  constexpr unsigned kKeys = 10000;
  const std::vector<Sketch> ten(10);
  Backend all(ten), fewer(std::vector<Sketch>(9));  // the last of the ten is gone from the file
  unsigned moved = 0;
  for (unsigned key = 0; key < kKeys; ++key) {
    const int before = all.server_of(key), after = fewer.server_of(key);
    if (before != 9) {
      ASSERT_EQ(after, before);  // nobody else's keys
    }
    moved += before != after ? 1 : 0;
  }
  EXPECT_NEAR(moved, kKeys / 10, kKeys / 50);
}

TEST(ConsistentHash, MovesOnlyTheKeysOfADeadServerAndSpreadsThem) {
  Backend backend(Sketches{{}, {}, {}, {}});
  const auto before = backend.servers_of(12000);
  backend.farm[0]->set_health(Health::Down);
  backend.balancer.rebuild();
  std::vector<int> moved(4);
  for (unsigned key = 0; key < 12000; ++key) {
    const int now = backend.server_of(key);
    if (before[key] == 0) {
      ++moved[static_cast<std::size_t>(now)];
    } else {
      ASSERT_EQ(now, before[key]);
    }
  }
  EXPECT_EQ(moved[0], 0);
  for (int i = 1; i < 4; ++i) EXPECT_NEAR(moved[static_cast<std::size_t>(i)], 1000, 300);
  backend.farm[0]->set_health(Health::Up);
  backend.balancer.rebuild();
  EXPECT_EQ(backend.servers_of(12000), before);
}

TEST(ConsistentHash, MovesFewKeysWhenAWeightChanges) {
  Backend backend(Sketches{{.weight = 10}, {.weight = 10}, {.weight = 10}, {.weight = 10}});
  const auto before = backend.servers_of(10000);
  backend.farm[2]->set_weight(5);
  backend.balancer.rebuild();
  unsigned moved = 0;
  for (unsigned key = 0; key < 10000; ++key) {
    if (backend.server_of(key) == before[key]) continue;
    ++moved;
    ASSERT_EQ(before[key], 2);  // only away from the one that became lighter
  }
  EXPECT_NEAR(moved, 10000 * (1.0 / 4 - 1.0 / 7), 300);
}

TEST(ConsistentHash, GoesOnToTheSameOtherServerOnBothNodes) {
  Backend hap1(Sketches{{}, {}, {}, {}}), hap2(Sketches{{}, {}, {}, {}});
  hap1.farm[2]->set_health(Health::Down);  // hap1's checks know, hap2 finds out by trying
  hap1.balancer.rebuild();
  for (unsigned key = 0; key < 1000; ++key) {
    const int tried = hap2.server_of(key);
    ASSERT_EQ(hap1.server_of(key), tried == 2 ? hap2.server_of(key, /*avoid=*/{2}) : tried);
  }
}

TEST(ConsistentHash, TakesTheOneToAvoidWhereThereIsNoOther) {
  Backend backend(Sketches{{}, {.weight = 0}});
  EXPECT_EQ(backend.server_of(1, /*avoid=*/{0}), 0);
  backend.farm[0]->set_health(Health::Down);
  EXPECT_EQ(backend.server_of(1), kNoServer);
}

TEST(ConsistentHash, LetsAFullServersVisitorsWaitForIt) {
  Backend backend(Sketches{{.maxconn = 1}, {}});
  unsigned key = 0;
  while (backend.server_of(key) != 0) ++key;
  EXPECT_EQ(backend.admission.ask({.request = 1, .key = mix(key)}).server, 0);
  EXPECT_EQ(backend.admission.ask({.request = 2, .key = mix(key)}).server_queue, 1u);
}

// One key that everybody wants: without a bound its server gets everything.
TEST(ConsistentHash, KeepsTheBoundWhateverTheKeysAre) {
  constexpr unsigned kRequests = 1000;
  const auto loads = [](unsigned bound) {
    Backend backend(Sketches{{}, {}, {}, {.weight = 2}}, bound);
    for (unsigned i = 0; i < kRequests; ++i) {
      EXPECT_NE(backend.admission.ask({.request = i, .key = mix(7)}).server, kNoServer);
      if (bound == 0) continue;
      for (const auto& server : backend.farm) {
        const double fair = (i + 1.0) * server->weight() / 5;
        EXPECT_LE(server->sessions(), std::ceil(fair * bound / 100)) << i;
      }
    }
    std::vector<std::uint32_t> sessions;
    for (const auto& server : backend.farm) sessions.push_back(server->sessions());
    std::sort(sessions.begin(), sessions.end());
    return sessions;
  };
  EXPECT_EQ(loads(0).back(), kRequests);
  const auto bounded = loads(125);
  EXPECT_LE(bounded.back(), 500u);
  EXPECT_EQ(bounded[0] + bounded[1] + bounded[2] + bounded[3], kRequests);
}

TEST(ConsistentHash, LeavesKeysAloneWhileTheyAreSpread) {
  Backend bounded(Sketches{{}, {}, {}, {}}, 200), free(Sketches{{}, {}, {}, {}});
  unsigned moved = 0;
  for (unsigned key = 0; key < 1000; ++key) {
    const int server = bounded.admission.ask({.request = key, .key = mix(key)}).server;
    moved += server != free.server_of(key) ? 1 : 0;
  }
  EXPECT_LE(moved, 30u);  // the first ones, of which one is more than twice a fair share
}

TEST(ConsistentHash, KeepsTheBoundAmongWorkers) {
  constexpr unsigned kWorkers = 4, kHeld = 50, kRounds = 2000;
  Backend backend(Sketches{{}, {}, {}, {}}, 150, kWorkers);
  {
    std::vector<std::jthread> workers;
    for (unsigned worker = 0; worker < kWorkers; ++worker)
      workers.emplace_back([&backend, worker] {
        std::vector<int> held(kHeld, kNoServer);
        for (unsigned i = 0; i < kRounds; ++i) {
          int& server = held[i % kHeld];
          if (server != kNoServer) (void)backend.admission.release(server);
          server = backend.admission.ask({.worker = worker, .key = mix(i % 3)}).server;
        }
        // All hold their share now: nobody far above the bound of 150 % of 50.
        for (const auto& one : backend.farm) EXPECT_LE(one->sessions(), 75 + kWorkers);
        for (const int server : held) (void)backend.admission.release(server);
      });
  }
  for (const auto& server : backend.farm) EXPECT_EQ(server->sessions(), 0u);
  // The sum it goes by came back to nothing too: two of one key go apart, as at the beginning.
  const auto ask = [&] { return backend.admission.ask({.key = mix(1)}).server; };
  EXPECT_NE(ask(), ask());
}

}  // namespace
}  // namespace hapair::balance
