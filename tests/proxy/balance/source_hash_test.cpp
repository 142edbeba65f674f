#include "proxy/balance/source_hash.h"

#include <gtest/gtest.h>

#include "farm.h"
#include "picks.h"
#include "proxy/balance/admission.h"

namespace hapair::balance {
namespace {

IpAddress client(unsigned number) {
  return IpAddress::v4(0x0a000000 + number);
}

struct Backend {
  explicit Backend(std::vector<Sketch> sketches)
      : farm(make_farm(std::move(sketches))), balancer(farm), admission(farm, balancer) {}

  int server_of(unsigned number, int avoid = kNoServer) {
    return balancer.pick({.avoid = avoid, .client = client(number)});
  }
  std::vector<int> servers_of(unsigned clients) {
    std::vector<int> servers;
    for (unsigned i = 0; i < clients; ++i) servers.push_back(server_of(i));
    return servers;
  }
  std::vector<int> counts(unsigned clients, int avoid = kNoServer) {
    std::vector<int> counts(farm.size());
    for (unsigned i = 0; i < clients; ++i) ++counts[static_cast<std::size_t>(server_of(i, avoid))];
    return counts;
  }

  Farm farm;
  SourceHash balancer;
  Admission admission;
};

TEST(SourceHash, GivesAClientTheSameServerOnBothNodes) {
  Backend hap1({{}, {}, {}}), hap2({{}, {}, {}});
  EXPECT_EQ(hap1.servers_of(1000), hap2.servers_of(1000));
  EXPECT_EQ(hap1.servers_of(1000), hap1.servers_of(1000));
}

// What the other node computes, maybe with another version or on another kind of machine.
TEST(SourceHash, NeverChangesItsMind) {
  EXPECT_EQ(hash_of(*IpAddress::parse("192.168.50.1")), 0x9b8c11090d4a585eu);
  EXPECT_EQ(hash_of(*IpAddress::parse("2001:db8::1")), 0x216dba65aa6c0c57u);
  EXPECT_EQ(hash_of(*IpAddress::parse("::ffff:192.168.50.1")),
            hash_of(*IpAddress::parse("192.168.50.1")));
}

TEST(SourceHash, SharesNeighbouringAddressesByWeight) {
  Backend backend({{.weight = 3}, {.weight = 1}});
  EXPECT_NEAR(backend.counts(40000)[0], 30000, 400);
}

TEST(SourceHash, MovesOnlyTheVisitorsOfADeadServerAndSpreadsThem) {
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

TEST(SourceHash, SendsAVisitorOnWhenItsServerJustFailed) {
  Backend backend({{}, {}, {}});
  EXPECT_EQ(backend.counts(3000, /*avoid=*/1)[1], 0);
  backend.farm[0]->set_health(Health::Down);
  backend.farm[2]->set_health(Health::Down);
  EXPECT_EQ(backend.counts(3000, /*avoid=*/1)[1], 3000);  // there is no other
  backend.farm[1]->set_health(Health::Down);
  EXPECT_EQ(backend.server_of(1), kNoServer);
}

TEST(SourceHash, MovesVisitorsOfADeadServerToTheSameOneOnBothNodes) {
  Backend hap1({{}, {}, {}, {}}), hap2({{}, {}, {}, {}});
  hap1.farm[2]->set_health(Health::Down);  // hap1's checks know, hap2 finds out by trying
  for (unsigned i = 0; i < 1000; ++i) {
    const int tried = hap2.server_of(i);
    ASSERT_EQ(hap1.server_of(i), tried == 2 ? hap2.server_of(i, /*avoid=*/2) : tried);
  }
}

TEST(SourceHash, LetsAFullServersVisitorsWaitForIt) {
  Backend backend({{.maxconn = 1}, {}});
  unsigned visitor = 0;
  while (backend.server_of(visitor) != 0) ++visitor;
  EXPECT_EQ(backend.admission.ask({.request = 1, .client = client(visitor)}).server, 0);
  const auto second = backend.admission.ask({.request = 2, .client = client(visitor)});
  EXPECT_EQ(second.kind, Admission::Answer::Kind::Queued);
  EXPECT_EQ(second.server_queue, 1u);
  EXPECT_EQ(backend.admission.release(0), (Grant{.request = 2, .server = 0}));
}

TEST(SourceHash, KnowsNoServerWhereThereIsNone) {
  Backend backend({{.checked = true}, {.weight = 0}});
  EXPECT_EQ(backend.admission.ask({.client = client(1)}).kind, Admission::Answer::Kind::NoServer);
}

}  // namespace
}  // namespace hapair::balance
