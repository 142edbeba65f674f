#include "vrrp/admin/status_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vrrp/admin/a_pair.h"

namespace hapair::vrrp {
namespace {

using ::testing::HasSubstr;

TEST(StatusJson, TellsTheDaemonAndItsVerdict) {
  StatusReport report = a_report();
  report.instances.clear();
  EXPECT_EQ(status_json(report),
            R"({"node":"hap1","version":"0.1.0","pid":123,"now":"2025-11-27T06:43:04.000Z",)"
            R"("uptime_seconds":7500,"healthy":true,"troubles":[],)"
            R"("guardian":{"wanted":true,"pid":124},"proxy":null,"peer":null,"instances":[]})"
            "\n");
  report.guardian_pid = -1;
  EXPECT_THAT(status_json(report),
              HasSubstr(R"("healthy":false,"troubles":["the guardian is not running"],)"
                        R"("guardian":{"wanted":true,"pid":null})"));
}

TEST(StatusJson, TellsEverythingOfAnInstance) {
  EXPECT_EQ(
      instance_json(a_master()),
      R"({"name":"VI_1","interface":"eth1","virtual_router_id":51,"version":3,"state":"MASTER",)"
      R"("since":"2025-11-27T06:40:00.000Z","why":"no master was heard","trouble":null,)"
      R"("priority":{"effective":103,"base":101,"parts":[{"kind":"script","name":"chk_haproxy",)"
      R"("verdict":"good","weight":2,"adds":2}]},)"
      R"("addresses":[{"address":"192.168.50.10/32","interface":"eth1","advertised":true},)"
      R"({"address":"10.0.0.1/24","interface":"eth2","advertised":false}],)"
      R"("master":{"address":"192.168.50.11","node":"hap1"},)"
      R"("last_advert":{"from":{"address":"192.168.50.12","node":"hap2"},"priority":100,)"
      R"("interval_seconds":0.1,"age_seconds":184},)"
      R"("handover":null,"drill":null,"advert_interval_seconds":0.1,"lease_seconds":1,)"
      R"("counters":{"adverts_received":12,"adverts_sent":4711,"resignations_received":0,)"
      R"("resignations_sent":0,"became_master":1,"released_master":0,"announcements_sent":0,)"
      R"("addresses_restored":0,"duplicate_answers":0,"other_addresses":3,"absences":0,)"
      R"("refused":{"header":0,"ttl":0,"own_address":0,"stranger":0,"length":0,"version":0,)"
      R"("type":0,"vrid":0,"count":0,"checksum":7,"auth_type":0,"password":2,"key":0,)"
      R"("signature":3,"clock":0,"replay":0,"interval":0}}})"
      "\n");
}

TEST(StatusJson, TellsTheOtherNode) {
  StatusReport report = a_report();
  report.proxy = "the proxy serves";
  report.peer = a_peer();
  EXPECT_THAT(
      status_json(report),
      HasSubstr(
          R"("proxy":"the proxy serves","peer":{"node":"hap2","address":"192.168.50.12",)"
          R"("heard":true,"age_seconds":0.1,"refused":5,"version":"0.2.0","uptime_seconds":61,)"
          R"("proxy":"the proxy is hung","same_configuration":false,)"
          R"("differing_keys":["backend.web","vrrp.run_directory"],)"
          R"("instances":[{"name":"VI_1","state":"BACKUP","state_seconds":3,)"
          R"("why":"the proxy is hung","priority":100,"can_serve":false}]},"instances":[)"));
  report.peer->heard = false;
  report.peer->age.reset();
  EXPECT_THAT(status_json(report),
              HasSubstr(R"("heard":false,"age_seconds":null,"refused":5},"instances":[)"))
      << "nothing that was true once";
}

TEST(StatusJson, TellsTheLastHandover) {
  using namespace std::chrono_literals;
  InstanceReport instance = a_master();
  instance.handover = {.at = WallTime(1764225600s), .kept = true, .text = "handing over"};
  const std::string begin =
      R"("handover":{"at":"2025-11-27T06:40:00.000Z","kept_connections":true,"text":"handing over",)";
  EXPECT_THAT(instance_json(instance), HasSubstr(begin + R"("gap_seconds":null},)"));
  instance.handover->gap = 4ms;
  EXPECT_THAT(instance_json(instance), HasSubstr(begin + R"("gap_seconds":0.004},)"));
}

TEST(StatusJson, TellsTheLastDrill) {
  using namespace std::chrono_literals;
  InstanceReport instance = a_master();
  instance.drill = {
      .instance = "VI_1", .passed = true, .text = "failover: hap2 took over", .at = WallTime(1764225600s)};
  EXPECT_THAT(instance_json(instance), HasSubstr(R"("drill":{"at":"2025-11-27T06:40:00.000Z","passed":true,)"
                                                 R"("text":"failover: hap2 took over"},)"));
}

TEST(StatusJson, SaysNullForWhatIsNotKnown) {
  const std::string json = instance_json(a_faulty_one());
  EXPECT_THAT(json, HasSubstr(R"("name":"VI \"2\"",)"));
  EXPECT_THAT(json, HasSubstr(R"("since":null,"why":"this node cannot serve",)"
                              R"("trouble":"interface eth1 is down or gone",)"));
  EXPECT_THAT(json, HasSubstr(R"("master":null,"last_advert":null,)"));
}

TEST(StatusJson, TellsTheHistory) {
  using namespace std::chrono_literals;
  History history;
  EXPECT_EQ(history_json(history), "[]\n");
  history.add({.instance = "VI_1",
               .from = State::Backup,
               .to = State::Master,
               .priority = 103,
               .why = "no master was heard",
               .at = WallTime(1764225604s)});
  EXPECT_EQ(history_json(history),
            R"([{"at":"2025-11-27T06:40:04.000Z","instance":"VI_1","from":"BACKUP","to":"MASTER",)"
            R"("priority":103,"why":"no master was heard"}])"
            "\n");
}

TEST(StatusJson, TellsCountersByInstance) {
  EXPECT_THAT(counters_json(a_report()), HasSubstr(R"({"VI_1":{"adverts_received":12,)"));
}

}  // namespace
}  // namespace hapair::vrrp
