#include "proxy/balance/server.h"

#include <gtest/gtest.h>

namespace hapair::balance {
namespace {

Server::Settings settings() { return {.name = "a", .weight = 3, .maxconn = 5, .checked = true}; }

TEST(Server, AReloadAppliesWhatTheFileChanged) {
  Server server(settings());
  Server::Settings other = settings();
  other.weight = 7;
  other.maxconn = 9;
  server.reconfigure(other);
  EXPECT_EQ(server.weight(), 7u);
  EXPECT_EQ(server.configured_weight(), 7u);
  EXPECT_EQ(server.maxconn(), 9u);
}

TEST(Server, AReloadLeavesWhatWasSetAtRunTimeWhereTheFileDidNotChange) {
  Server server(settings());
  server.set_weight(100);
  server.set_maxconn(50);
  server.reconfigure(settings());
  EXPECT_EQ(server.weight(), 100u);
  EXPECT_EQ(server.maxconn(), 50u);
  Server::Settings other = settings();
  other.weight = 4;
  server.reconfigure(other);
  EXPECT_EQ(server.weight(), 4u);  // the file spoke last
  EXPECT_EQ(server.maxconn(), 50u);
}

TEST(Server, AReloadKeepsWhatIsKnownOfItsHealth) {
  Server server(settings());
  server.set_health(Health::Down);
  server.reconfigure(settings());
  EXPECT_EQ(server.health(), Health::Down);
}

TEST(Server, ACheckThatIsAddedFindsItUpAndOneThatGoesLeavesItUp) {
  Server::Settings unchecked = settings();
  unchecked.checked = false;
  Server server(unchecked);
  server.reconfigure(settings());
  EXPECT_EQ(server.health(), Health::Up);
  server.set_health(Health::Down);
  server.reconfigure(unchecked);
  EXPECT_EQ(server.health(), Health::Up);
}

TEST(Server, MaintenanceOutlivesTheEndOfItsChecks) {
  Server server(settings());
  server.set_condition(server.condition().with(Condition::kForcedMaint));
  Server::Settings unchecked = settings();
  unchecked.checked = false;
  server.reconfigure(unchecked);
  EXPECT_FALSE(server.up());
}

TEST(Server, ADisabledOneBeginsInMaintenanceAndIsNeverUsable) {
  Server::Settings disabled = settings();
  disabled.checked = false;
  disabled.disabled = true;
  Server server(disabled);
  EXPECT_TRUE(server.condition().in_maintenance());
  EXPECT_EQ(server.condition().admin(), 5u);
  EXPECT_FALSE(server.up() || server.able() || server.usable());
  server.set_condition({});
  server.reconfigure(disabled);
  EXPECT_TRUE(server.usable()) << "whoever reads the file says when";
  server.begin_again(disabled);
  EXPECT_FALSE(server.up());
}

TEST(Server, OneThatIsListedAgainBeginsAgainButForItsSlots) {
  Server server(settings());
  server.set_health(Health::Up);
  server.set_condition(server.condition().with(Condition::kForcedDrain));
  server.set_weight(100);
  ASSERT_TRUE(server.take_slot());
  server.begin_again(settings());
  EXPECT_EQ(server.health(), Health::Unknown);
  EXPECT_EQ(server.weight(), 3u);
  EXPECT_EQ(server.sessions(), 1u);
  server.set_health(Health::Up);
  EXPECT_TRUE(server.usable());  // nobody drains it any more
}

TEST(Server, IsOverrunByMoreConnectionsThanItsMaxconn) {
  Server server(settings());
  for (int i = 0; i < 5; ++i) server.count_connection();
  EXPECT_FALSE(server.is_overrun());
  server.count_connection();
  EXPECT_TRUE(server.is_overrun());
  server.set_maxconn(0);
  EXPECT_FALSE(server.is_overrun());
  server.set_maxconn(5);
  server.uncount_connection();
  EXPECT_FALSE(server.is_overrun());
}

}  // namespace
}  // namespace hapair::balance
