#include "vrrp/admin/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vrrp/admin/a_pair.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(StatusText, TellsABlockForEachInstance) {
  StatusReport report = a_report();
  report.instances.push_back(a_faulty_one());
  EXPECT_EQ(
      status_text(report),
      "hap1: VI \"2\" is FAULT: interface eth1 is down or gone; hapair-vrrp 0.1.0, pid 123, "
      "up 2 h 5 min\n"
      "VI_1 is MASTER since 2025-11-27T06:40:00.000Z (3 min 4 s); router 51, version 3, on "
      "eth1\n"
      "    why        no master was heard\n"
      "    priority   103 = 101 + 2 (script chk_haproxy is good)\n"
      "    addresses  192.168.50.10/32 on eth1, 10.0.0.1/24 on eth2 (not advertised)\n"
      "    master     hap1 (192.168.50.11)\n"
      "    heard      hap2 (192.168.50.12) with priority 100, every 100ms, 3 min 4 s ago\n"
      "    adverts    4711 sent, one every 100ms; 12 received\n"
      "    refused    7 checksum, 2 password, 3 signature\n"
      "VI \"2\" is FAULT; router 52, version 2, on eth1\n"
      "    why        this node cannot serve\n"
      "    trouble    interface eth1 is down or gone\n"
      "    priority   254 = 254 + 5 (script a is good) - 2 (script b is bad) + 0 (script c is "
      "unknown, and must be good), kept within 1 to 254\n"
      "    addresses  2001:db8::1/128 on eth1\n"
      "    master     nobody is known\n"
      "    heard      nobody\n"
      "    adverts    0 sent, one every 1s; 0 received\n");
}

TEST(StatusText, BeginsWithTheVerdict) {
  EXPECT_THAT(status_text(a_report()), HasSubstr("hap1: all is well; "));
  EXPECT_EQ(health_text(a_report()), "ok\n");
  StatusReport report = a_report();
  report.guardian_pid = -1;
  report.instances.push_back(a_faulty_one());
  EXPECT_EQ(health_text(report),
            "VI \"2\" is FAULT: interface eth1 is down or gone\nthe guardian is not running\n");
}

TEST(StatusText, TellsTheOtherNodeBesideThisOne) {
  StatusReport report = a_report();
  report.instances.clear();
  report.proxy = "the proxy serves";
  report.peer = a_peer();
  const std::string ours =
      "hap1: all is well; hapair-vrrp 0.1.0, pid 123, up 2 h 5 min\n"
      "    proxy      the proxy serves\n";
  EXPECT_EQ(status_text(report),
            ours +
                "hap2: heard 0.1 s ago; hapair-vrrp 0.2.0, up 1 min 1 s; another configuration\n"
                "    differs    backend.web, vrrp.run_directory\n"
                "    proxy      the proxy is hung\n"
                "    VI_1       BACKUP for 3.0 s, priority 100, cannot serve: the proxy is hung\n");
  report.peer->same_configuration = true;
  report.peer->differing_keys.clear();
  EXPECT_THAT(status_text(report), HasSubstr("up 1 min 1 s; the same configuration\n    proxy"));
  report.peer->heard = false;
  EXPECT_EQ(status_text(report), ours + "hap2: not heard over the pair channel for 0.1 s\n");
  report.peer->age.reset();
  EXPECT_EQ(status_text(report), ours + "hap2: not heard over the pair channel yet\n");
}

TEST(StatusText, TellsHowTheLastHandoverWent) {
  InstanceReport instance = a_master();
  EXPECT_THAT(instance_text(instance), Not(HasSubstr("handover")));
  instance.handover = {.at = WallTime(1764225600s), .kept = true, .text = "handing over"};
  EXPECT_THAT(instance_text(instance),
              HasSubstr("\n    handover   2025-11-27T06:40:00.000Z handing over\n"));
  instance.handover->gap = 4200us;
  EXPECT_THAT(instance_text(instance),
              HasSubstr("Z handing over; nobody had the addresses for 5ms at most\n"));
}

TEST(StatusText, TellsOfTheLastDrill) {
  InstanceReport instance = a_master();
  EXPECT_THAT(instance_text(instance), Not(HasSubstr("drill")));
  instance.drill = {
      .instance = "VI_1", .passed = true, .text = "failover: hap2 took over", .at = WallTime(1764225600s)};
  EXPECT_THAT(instance_text(instance),
              HasSubstr("\n    drill      2025-11-27T06:40:00.000Z passed: failover: hap2 took over\n"));
}

TEST(StatusText, TellsDrillsAmongTheChanges) {
  History history;
  history.add({.instance = "VI_1", .to = State::Backup, .priority = 101, .why = "a", .at = WallTime(1764225600s)});
  history.add({.instance = "VI_1", .to = State::Backup, .priority = 101, .why = "b", .at = WallTime(1764225602s)});
  history.add(Rehearsal{
      .instance = "VI_1", .passed = false, .text = "failover: too slow", .at = WallTime(1764225601s)});
  EXPECT_EQ(history_text(history),
            "2025-11-27T06:40:00.000Z VI_1 INIT -> BACKUP with priority 101: a\n"
            "2025-11-27T06:40:01.000Z VI_1 drill failed: failover: too slow\n"
            "2025-11-27T06:40:02.000Z VI_1 INIT -> BACKUP with priority 101: b\n");
}

TEST(StatusText, NamesTheProxyOnce) {
  InstanceReport instance = a_master();
  instance.parts = {{.kind = TrackerKind::Proxy, .name = "proxy", .verdict = Verdict::Good},
                    {.kind = TrackerKind::Backends, .name = "web, api", .verdict = Verdict::Good}};
  EXPECT_THAT(instance_text(instance),
              HasSubstr("+ 0 (proxy is good, and must be good) + 0 (backends web, api is good, and "
                        "must be good)"));
}

TEST(StatusText, OfOneInstanceIsItsBlock) {
  const std::string text = instance_text(a_master());
  EXPECT_THAT(text, HasSubstr("VI_1 is MASTER since 2025-11-27T06:40:00.000Z; router 51"));
  EXPECT_THAT(text, HasSubstr("\n    refused    7 checksum, 2 password, 3 signature\n"));
}

TEST(StatusText, TellsTheHistoryOldestFirst) {
  History history;
  EXPECT_EQ(history_text(history), "nothing has changed yet\n");
  history.add({.instance = "VI_1",
               .to = State::Backup,
               .priority = 101,
               .why = "the daemon started",
               .at = WallTime(1764225600123ms)});
  history.add({.instance = "VI_1",
               .from = State::Backup,
               .to = State::Master,
               .priority = 103,
               .why = "no master was heard",
               .at = WallTime(1764225604s)});
  EXPECT_EQ(history_text(history),
            "2025-11-27T06:40:00.123Z VI_1 INIT -> BACKUP with priority 101: the daemon started\n"
            "2025-11-27T06:40:04.000Z VI_1 BACKUP -> MASTER with priority 103: no master was "
            "heard\n");
}

TEST(StatusText, TellsEveryCounter) {
  const std::string text = counters_text(a_report());
  EXPECT_THAT(text, HasSubstr("VI_1 adverts_received 12\nVI_1 adverts_sent 4711\n"));
  EXPECT_THAT(text, HasSubstr("VI_1 other_addresses 3\n"));
  EXPECT_THAT(text, HasSubstr("VI_1 refused_checksum 7\n"));
  EXPECT_THAT(text, HasSubstr("VI_1 refused_interval 0\n"));
}

// An empty line ends an answer.
TEST(StatusText, HasNoEmptyLine) {
  StatusReport report = a_report();
  report.instances.push_back({});
  for (const std::string& text :
       {status_text(report), counters_text(report), health_text(report)}) {
    EXPECT_THAT(text, Not(HasSubstr("\n\n")));
    EXPECT_TRUE(text.ends_with('\n'));
  }
}

}  // namespace
}  // namespace hapair::vrrp
