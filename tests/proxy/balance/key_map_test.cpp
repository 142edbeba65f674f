#include "proxy/balance/key_map.h"

#include <gtest/gtest.h>

#include "farm.h"
#include "picks.h"
#include "proxy/balance/admission.h"
#include "proxy/balance/mix.h"

namespace hapair::balance {
namespace {

std::uint64_t client(unsigned number) {
  return mix(number + 1);
}

struct Backend {
  explicit Backend(std::vector<Sketch> sketches)
      : farm(make_farm(std::move(sketches))), balancer(farm, 1), admission(farm, balancer) {}

  int server_of(unsigned number, const Avoided& avoid = {}) {
    return balancer.pick({.avoid = avoid, .key = client(number)});
  }
  std::vector<int> servers_of(unsigned clients) {
    std::vector<int> servers;
    for (unsigned i = 0; i < clients; ++i) servers.push_back(server_of(i));
    return servers;
  }
  std::vector<int> counts(unsigned clients, const Avoided& avoid = {}) {
    std::vector<int> counts(farm.size());
    for (unsigned i = 0; i < clients; ++i) ++counts[static_cast<std::size_t>(server_of(i, avoid))];
    return counts;
  }

  Farm farm;
  KeyMap balancer;
  Admission admission;
};

TEST(KeyMap, GivesAClientTheSameServerOnBothNodes) {
  Backend hap1({{}, {}, {}}), hap2({{}, {}, {}});
  EXPECT_EQ(hap1.servers_of(1000), hap2.servers_of(1000));
  EXPECT_EQ(hap1.servers_of(1000), hap1.servers_of(1000));
}

TEST(KeyMap, SharesKeysByWeight) {
  Backend backend({{.weight = 3}, {.weight = 1}});
  EXPECT_NEAR(backend.counts(40000)[0], 30000, 400);
}

TEST(KeyMap, MovesOnlyTheVisitorsOfADeadServerAndSpreadsThem) {
  Backend backend({{.weight = 2}, {.weight = 2}, {.weight = 1}, {.weight = 1}});
  const auto before = backend.servers_of(12000);
  backend.farm[0]->set_health(Health::Down);
  backend.balancer.rebuild();
  std::vector<int> moved(4);
  for (unsigned i = 0; i < 12000; ++i) {
    const int now = backend.server_of(i);
    if (before[i] == 0) {
      ++moved[static_cast<std::size_t>(now)];
    } else {
      ASSERT_EQ(now, before[i]);
    }
  }
  EXPECT_EQ(moved[0], 0);  // 4000 visitors, 2 : 1 : 1
  EXPECT_NEAR(moved[1], 2000, 150);
  EXPECT_NEAR(moved[2], 1000, 150);
  EXPECT_NEAR(moved[3], 1000, 150);
  backend.farm[0]->set_health(Health::Up);
  backend.balancer.rebuild();
  EXPECT_EQ(backend.servers_of(12000), before);
}

TEST(KeyMap, SendsAVisitorOnWhenItsServerJustFailed) {
  Backend backend({{}, {}, {}});
  EXPECT_EQ(backend.counts(3000, /*avoid=*/{1})[1], 0);
  backend.farm[0]->set_health(Health::Down);
  backend.farm[2]->set_health(Health::Down);
  EXPECT_EQ(backend.counts(3000, /*avoid=*/{1})[1], 3000);  // there is no other
  backend.farm[1]->set_health(Health::Down);
  EXPECT_EQ(backend.server_of(1), kNoServer);
}

TEST(KeyMap, PassesOverEveryServerThatFailed) {
  Backend backend({{}, {}, {}});
  EXPECT_EQ(backend.counts(3000, /*avoid=*/{0, 2})[1], 3000);
  EXPECT_EQ(backend.counts(3000, /*avoid=*/{2, 0, 1})[2], 3000);  // the oldest failure
}

TEST(KeyMap, MovesVisitorsOfADeadServerToTheSameOneOnBothNodes) {
  Backend hap1({{}, {}, {}, {}}), hap2({{}, {}, {}, {}});
  hap1.farm[2]->set_health(Health::Down);  // hap1's checks know, hap2 finds out by trying
  for (unsigned i = 0; i < 1000; ++i) {
    const int tried = hap2.server_of(i);
    ASSERT_EQ(hap1.server_of(i), tried == 2 ? hap2.server_of(i, /*avoid=*/{2}) : tried);
  }
}

TEST(KeyMap, LetsAFullServersVisitorsWaitForIt) {
  Backend backend({{.maxconn = 1}, {}});
  unsigned visitor = 0;
  while (backend.server_of(visitor) != 0) ++visitor;
  EXPECT_EQ(backend.admission.ask({.request = 1, .key = client(visitor)}).server, 0);
  const auto second = backend.admission.ask({.request = 2, .key = client(visitor)});
  EXPECT_EQ(second.kind, Admission::Answer::Kind::Queued);
  EXPECT_EQ(second.server_queue, 1u);
  EXPECT_EQ(backend.admission.release(0), (Grant{.request = 2, .server = 0}));
}

TEST(KeyMap, SendsAVisitorElsewhereOnceTheQueueOfItsServerIsFull) {
  Backend backend({{.maxconn = 1, .max_queue = 1}, {.maxconn = 1}});
  unsigned visitor = 0;
  while (backend.server_of(visitor) != 0) ++visitor;
  const auto ask = [&](std::uint64_t request) {
    return backend.admission.ask({.request = request, .key = client(visitor)});
  };
  EXPECT_EQ(ask(1).server, 0);
  EXPECT_EQ(ask(2).server_queue, 1u);
  EXPECT_EQ(ask(3).server, 1);
  const auto fourth = ask(4);  // the other one is full too: whichever comes free first
  EXPECT_EQ(fourth.backend_queue, 1u);
  EXPECT_EQ(backend.admission.release(1), (Grant{.request = 4, .server = 1}));
}

TEST(KeyMap, GoesAroundWithRequestsThatHaveNoKey) {
  Backend backend({{.weight = 2}, {.weight = 1}});
  EXPECT_EQ(picks(backend.balancer, 6), "abaaba");
}

TEST(KeyMap, TakesAPlainNumberForTheTurnInTheMap) {
  Backend backend({{}, {}, {}});
  for (std::uint64_t shard = 0; shard < 9; ++shard)
    EXPECT_EQ(backend.balancer.pick({.key = shard}), static_cast<int>(shard % 3));
}

TEST(KeyMap, LeavesBackupsOutWhileOthersServe) {
  Backend with({{}, {}, {.backup = true}}), without({{}, {}});
  EXPECT_EQ(with.servers_of(1000), without.servers_of(1000));
  with.farm[0]->set_health(Health::Down);
  with.farm[1]->set_health(Health::Down);
  with.balancer.rebuild();
  EXPECT_EQ(with.counts(100)[2], 100);
}

TEST(KeyMap, KnowsNoServerWhereThereIsNone) {
  Backend backend({{}, {.weight = 0}});
  backend.farm[0]->set_health(Health::Down);
  backend.balancer.rebuild();
  EXPECT_EQ(backend.admission.ask({.key = client(1)}).kind, Admission::Answer::Kind::NoServer);
}

}  // namespace
}  // namespace hapair::balance
