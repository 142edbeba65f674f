#include "vrrp/config/reload_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using Fate = ReloadPlan::Fate;
using Step = ReloadPlan::Step;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Instance instance(const std::string& name, int id) {
  Instance out;
  out.name = name;
  out.interface = "eth1";
  out.virtual_router_id = id;
  out.virtual_addresses = {
      {.address = {IpAddress::v4(0xC0A83200U + static_cast<unsigned>(id)), 32}}};
  return out;
}

class ReloadPlanTest : public ::testing::Test {
 protected:
  ReloadPlanTest() {
    before_.node = "hap1";
    before_.source = IpAddress::v4(0xC0A8320B);
    before_.other_nodes = {{"hap2", IpAddress::v4(0xC0A8320C)}};
    before_.instances = {instance("VI_1", 51), instance("VI_2", 52)};
    after_ = before_;
  }

  ReloadPlan plan(bool keys_changed = false) {
    auto made = plan_reload(before_, after_, keys_changed);
    EXPECT_TRUE(made);
    return *std::move(made);
  }
  Fate fate_of_first() {
    const ReloadPlan made = plan();
    EXPECT_EQ(made.steps.back(), (Step{"VI_2", Fate::Kept}));
    return made.steps.front().fate;
  }
  /// The two nodes speak with each other.
  void pair_up() {
    before_.pair.key_file = "/etc/hapair/pair.key";
    after_ = before_;
  }

  Config before_, after_;
};

TEST_F(ReloadPlanTest, WhatIsEqualIsKept) {
  EXPECT_THAT(plan().steps, ElementsAre(Step{"VI_1", Fate::Kept}, Step{"VI_2", Fate::Kept}));
  EXPECT_THAT(plan().fixed, IsEmpty());
}

TEST_F(ReloadPlanTest, SettingsOfTheSameRouterChangeInPlace) {
  const std::vector<std::function<void(Instance&)>> changes = {
      [](Instance& it) { it.priority = 90; },
      [](Instance& it) { it.advert_interval = 2s; },
      [](Instance& it) {
        it.virtual_addresses.push_back(instance("", 99).virtual_addresses.front());
      },
      [](Instance& it) { it.virtual_routes.emplace_back(); },
      [](Instance& it) { it.auth.type = Auth::Type::Pass; },
      [](Instance& it) { it.preempt = Preempt::Never; },
      [](Instance& it) { it.announcements.repeat = 1; },
      [](Instance& it) { it.tracked.emplace_back(); },
      [](Instance& it) { it.unicast_peers = {IpAddress::v4(1)}; },
      [](Instance& it) { it.accept = false; },
      [](Instance& it) { it.peer_priority = 100; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    after_ = before_;
    changes[i](after_.instances.front());
    EXPECT_EQ(fate_of_first(), Fate::Changed) << i;
  }
}

TEST_F(ReloadPlanTest, AnotherIdentityIsAnotherRouter) {
  const Cidr v6{*IpAddress::parse("fd00::1"), 128};
  const std::vector<std::function<void(Instance&)>> changes = {
      [](Instance& it) { it.virtual_router_id = 61; },
      [](Instance& it) { it.version = 3; },
      [](Instance& it) { it.interface = "eth2"; },
      [](Instance& it) { it.virtual_mac = true; },
      [](Instance& it) { it.virtual_mac_name = "vip"; },
      [&](Instance& it) { it.virtual_addresses = {{.address = v6}}; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    after_ = before_;
    changes[i](after_.instances.front());
    EXPECT_EQ(fate_of_first(), Fate::Renewed) << i;
  }
}

TEST_F(ReloadPlanTest, ASecondFamilyIsNoOtherRouter) {
  after_.instances.front().virtual_addresses.push_back(
      {.address = {*IpAddress::parse("fd00::1"), 128}});
  EXPECT_EQ(fate_of_first(), Fate::Changed);
}

TEST_F(ReloadPlanTest, RemovedOnesComeFirst) {
  after_.instances = {instance("VI_3", 51), instance("VI_2", 52)};
  EXPECT_THAT(plan().steps, ElementsAre(Step{"VI_1", Fate::Removed}, Step{"VI_3", Fate::Added},
                                        Step{"VI_2", Fate::Kept}));
}

TEST_F(ReloadPlanTest, OtherKeysConcernThoseWhoSign) {
  before_.instances.front().auth.type = after_.instances.front().auth.type = Auth::Type::Hmac;
  EXPECT_THAT(plan(true).steps, ElementsAre(Step{"VI_1", Fate::Changed}, Step{"VI_2", Fate::Kept}));
}

TEST_F(ReloadPlanTest, OtherNodesConcernEveryInstance) {
  after_.other_nodes.front().address = IpAddress::v4(0xC0A8320D);
  EXPECT_THAT(plan().steps, ElementsAre(Step{"VI_1", Fate::Changed}, Step{"VI_2", Fate::Changed}));
  EXPECT_THAT(plan().fixed, IsEmpty());
}

TEST_F(ReloadPlanTest, WhatBelongsToTheProcessStaysAndIsNamed) {
  after_.guardian = false;
  after_.realtime = false;
  after_.run_directory = "/elsewhere";
  after_.instances.front().priority = 90;
  const ReloadPlan made = plan();
  EXPECT_THAT(made.fixed, ElementsAre("vrrp.guardian", "vrrp.realtime", "vrrp.run_directory"));
  EXPECT_TRUE(made.config.guardian && made.config.realtime);
  EXPECT_EQ(made.config.run_directory, before_.run_directory);
  EXPECT_EQ(made.config.instances.front().priority, 90) << "the rest follows";
}

TEST_F(ReloadPlanTest, WhereThePairSpeaksStaysAndIsNamed) {
  pair_up();
  after_.pair.port = 5113;
  after_.pair.drain_limit = 1min;
  after_.source = IpAddress::v4(0xC0A83215);
  after_.other_nodes.front().address = IpAddress::v4(0xC0A83216);
  const ReloadPlan made = plan();
  EXPECT_THAT(made.fixed, ElementsAre("pair.port", "node.hap1.address", "node.hap2.address"));
  EXPECT_EQ(made.config.pair.port, before_.pair.port);
  EXPECT_EQ(made.config.pair.drain_limit, 1min);
  EXPECT_EQ(made.steps.front().fate, Fate::Kept);
}

TEST_F(ReloadPlanTest, APairThatBeginsOrEndsIsAnywhere) {
  pair_up();
  after_.pair = {.key_file = "", .port = 5113};
  EXPECT_THAT(plan().fixed, IsEmpty());
}

TEST_F(ReloadPlanTest, ADaemonWithoutInstancesIsNoDaemon) {
  after_.instances.clear();
  const auto made = plan_reload(before_, after_, false);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("no [vrrp.instance.NAME]"));
}

}  // namespace
}  // namespace hapair::vrrp
