// Backup servers, with every algorithm.
#include <gtest/gtest.h>

#include <algorithm>

#include "farm.h"
#include "picks.h"
#include "proxy/balance/admission.h"
#include "proxy/balance/consistent_hash.h"
#include "proxy/balance/first.h"
#include "proxy/balance/key_map.h"
#include "proxy/balance/least_connections.h"
#include "proxy/balance/mix.h"
#include "proxy/balance/random_draws.h"
#include "proxy/balance/round_robin.h"
#include "proxy/balance/static_round_robin.h"

namespace hapair::balance {
namespace {

using Kind = Admission::Answer::Kind;

using Make = std::unique_ptr<Balancer> (*)(const Farm&);
struct Algorithm {
  const char* name;
  Make make;
};

class Backup : public testing::TestWithParam<Algorithm> {
 protected:
  // a and b serve, c and d are there for when they do not.
  Backup() : farm(make_farm({{}, {}, {.backup = true}, {.backup = true}})), balancer(GetParam().make(farm)) {}

  void set(std::size_t server, Health health) {
    farm[server]->set_health(health);
    balancer->rebuild();
  }
  /// Who is chosen at all, in the order of letters.
  std::string used() {
    std::string letters;
    for (unsigned i = 0; i < 200; ++i) {
      const char letter = letter_of(balancer->pick({.key = mix(i)}));
      if (letters.find(letter) == letters.npos) letters += letter;
    }
    std::sort(letters.begin(), letters.end());
    return letters;
  }
  std::string with_first(std::string all) const {  // `first` takes one as long as it has room
    return GetParam().name == std::string("first") ? all.substr(0, 1) : all;
  }

  Farm farm;
  std::unique_ptr<Balancer> balancer;
};

INSTANTIATE_TEST_SUITE_P(
    Algorithms, Backup,
    testing::Values(
        Algorithm{"roundrobin", [](const Farm& farm) -> std::unique_ptr<Balancer> {
                    return std::make_unique<RoundRobin>(farm, 1);
                  }},
        Algorithm{"static_rr", [](const Farm& farm) -> std::unique_ptr<Balancer> {
                    return std::make_unique<StaticRoundRobin>(farm);
                  }},
        Algorithm{"leastconn", [](const Farm& farm) -> std::unique_ptr<Balancer> {
                    return std::make_unique<LeastConnections>(farm);
                  }},
        Algorithm{"first", [](const Farm& farm) -> std::unique_ptr<Balancer> {
                    return std::make_unique<First>(farm);
                  }},
        Algorithm{"random", [](const Farm& farm) -> std::unique_ptr<Balancer> {
                    return std::make_unique<RandomDraws>(farm, 1, 2);
                  }},
        Algorithm{"map", [](const Farm& farm) -> std::unique_ptr<Balancer> {
                    return std::make_unique<KeyMap>(farm, 1);
                  }},
        Algorithm{"consistent", [](const Farm& farm) -> std::unique_ptr<Balancer> {
                    return std::make_unique<ConsistentHash>(farm, 1, 0);
                  }}),
    [](const auto& one) { return std::string(one.param.name); });

TEST_P(Backup, RestsWhileAnyOtherServes) {
  EXPECT_EQ(used(), with_first("ab"));
  set(0, Health::Down);
  EXPECT_EQ(used(), "b");
}

TEST_P(Backup, IsTheFirstAbleOneAlone) {
  set(0, Health::Down);
  set(1, Health::Down);
  EXPECT_EQ(used(), "c");
  set(2, Health::Down);
  EXPECT_EQ(used(), "d");
  set(2, Health::Up);
  EXPECT_EQ(used(), "c");
  set(1, Health::Up);
  EXPECT_EQ(used(), "b");
}

TEST_P(Backup, IsAllOfThemWhereThatIsAskedFor) {
  balancer->use_all_backups(true);
  set(0, Health::Down);
  set(1, Health::Down);
  EXPECT_EQ(used(), with_first("cd"));
}

TEST_P(Backup, ServesWhoIsTiedToIt) {
  Admission admission(farm, *balancer);
  EXPECT_EQ(admission.ask({.tied_to = 2}).server, 2);
}

// Between the last server's fall and the main thread's rebuild() nobody is on duty.
TEST_P(Backup, IsWaitedForInTheMomentBeforeItsDutyBegins) {
  Admission admission(farm, *balancer);
  farm[0]->set_health(Health::Down);
  farm[1]->set_health(Health::Down);
  ASSERT_EQ(admission.ask({.request = 1, .key = 5}).kind, Kind::Queued);
  balancer->rebuild();
  const auto change = admission.grants_after_change();
  ASSERT_EQ(change.grants.size(), 1u);
  EXPECT_EQ(change.grants[0], (Grant{.request = 1, .server = 2}));
}

TEST(Strength, CountsActivesAndBackupsApart) {
  Farm farm = make_farm({{}, {.checked = true}, {.weight = 0}, {.backup = true}});
  EXPECT_EQ(strength(farm).active, 1u);
  EXPECT_EQ(strength(farm).backup, 1u);
}

}  // namespace
}  // namespace hapair::balance
