#include "ctl/drill_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hapair::ctl {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using vrrp::DrillOutlook;
using vrrp::State;

const WallTime kAsked = WallTime(1764225600s) + 123456us;

DrillReport a_report() {
  return {.drill = "kill-proxy",
          .instance = "VI_1",
          .node = "hap2",
          .other = "hap1",
          .probe = "192.168.50.10:80",
          .limit = 150ms,
          .only_connects = true,
          .detected = 3ms,
          .taken_over = 12ms,
          .longest_gap = 27ms,
          .longest_pause = 6ms,
          .tries = 412,
          .lost = 2,
          .settled = 3200ms,
          .events = {{"hap1", 3ms, "MASTER -> FAULT with priority 103: the proxy is gone"},
                     {"hap2", 12ms, "BACKUP -> MASTER with priority 101: hap1 resigned"}}};
}

TEST(DrillReport, PassesWithinItsLimit) {
  DrillReport report = a_report();
  EXPECT_THAT(report.failures(), IsEmpty());
  report.longest_gap = 150ms;
  EXPECT_THAT(report.failures(), IsEmpty());
  report.longest_gap = 151ms;
  EXPECT_THAT(report.failures(),
              ElementsAre("the longest gap was 151 ms, above its limit of 150 ms"));
}

TEST(DrillReport, FailsWhenNobodyTookOverOrThePairDidNotSettle) {
  DrillReport report = a_report();
  report.taken_over.reset();
  report.settled.reset();
  EXPECT_THAT(report.failures(),
              ElementsAre("hap2 did not take over",
                          "the pair did not settle: look at hapair status on hap1"));
}

TEST(DrillReport, TakesWhatHappenedSinceItWasAskedForInOrder) {
  const auto at = [](Duration after) {
    return std::chrono::floor<std::chrono::milliseconds>(kAsked + after);
  };
  DrillOutlook outlook{.instance = "VI_1", .node = "hap2", .other = "hap1"};
  outlook.own = {{at(-1h), State::Master, "long ago"},
                 {at(12ms), State::Master, "took over"},
                 {at(3s), State::Backup, "gave back"},
                 {at(4s), State::Master, "again"}};
  outlook.theirs = {{at(-5ms), State::Master, "before"}, {at(0ms), State::Fault, "fell"}};
  DrillReport report = a_report();
  report.detected.reset();
  report.taken_over.reset();
  take_events(report, outlook, kAsked);
  ASSERT_EQ(report.events.size(), 4U);
  EXPECT_EQ(report.events[0].text, "fell");
  EXPECT_EQ(report.events[0].node, "hap1");
  EXPECT_EQ(report.events[1].text, "took over");
  EXPECT_EQ(report.detected, 0ms) << "a millisecond is not split";
  EXPECT_LE(*report.taken_over, 12ms);
  EXPECT_GT(*report.taken_over, 11ms);
}

TEST(DrillReport, IsToldToPeople) {
  const std::string text = drill_text(a_report());
  EXPECT_THAT(text, HasSubstr("drill kill-proxy of VI_1, seen from hap2: passed\n"));
  EXPECT_THAT(text, HasSubstr("    taken over  12 ms after it was asked for\n"));
  EXPECT_THAT(
      text,
      HasSubstr("    gap         27 ms without a good answer at the longest, limit 150 ms\n"));
  EXPECT_THAT(text, HasSubstr("    lost        2 of 412 connections to 192.168.50.10:80\n"));
  EXPECT_THAT(text, HasSubstr("    two masters not measured from here\n"));
  EXPECT_THAT(
      text, HasSubstr("       +3 ms hap1: MASTER -> FAULT with priority 103: the proxy is gone\n"));
  EXPECT_EQ(text.find("paused"), text.npos);
  DrillReport slow = a_report();
  slow.longest_gap = 200ms;
  slow.longest_pause = 190ms;
  EXPECT_THAT(drill_text(slow),
              HasSubstr("seen from hap2: FAILED\n    failure     the longest gap was 200 ms"));
  EXPECT_THAT(drill_text(slow), HasSubstr("paused for 190 ms itself"));
}

TEST(DrillReport, SaysThatAConnectionTellsNothingOfAHungProxy) {
  DrillReport report = a_report();
  report.drill = "hang-proxy";
  EXPECT_THAT(drill_text(report), HasSubstr("--probe http://"));
  report.only_connects = false;
  EXPECT_EQ(drill_text(report).find("--probe"), std::string::npos);
}

TEST(DrillReport, IsToldToPrograms) {
  EXPECT_EQ(
      drill_json(a_report()),
      "{\"drill\":\"kill-proxy\",\"instance\":\"VI_1\",\"node\":\"hap2\",\"other\":\"hap1\","
      "\"probe\":\"192.168.50.10:80\",\"passed\":true,\"failures\":[],\"detected_ms\":3,\"taken_"
      "over_ms\":12,"
      "\"longest_gap_ms\":27,\"limit_ms\":150,\"tries\":412,\"lost\":2,\"probe_pause_ms\":6,"
      "\"two_masters_ms\":null,\"settled_ms\":3200,\"events\":[{\"node\":\"hap1\",\"after_ms\":3,"
      "\"text\":\"MASTER -> FAULT with priority 103: the proxy is "
      "gone\"},{\"node\":\"hap2\",\"after_ms\":12,"
      "\"text\":\"BACKUP -> MASTER with priority 101: hap1 resigned\"}]}\n");
  DrillReport nothing = a_report();
  nothing.taken_over.reset();
  EXPECT_THAT(drill_json(nothing),
              HasSubstr("\"passed\":false,\"failures\":[\"hap2 did not take over\"]"));
  EXPECT_THAT(drill_json(nothing), HasSubstr("\"taken_over_ms\":null"));
}

TEST(DrillReport, IsALineOfTheHistory) {
  EXPECT_EQ(drill_line(a_report()),
            "kill-proxy: hap2 took over after 12 ms, longest gap 27 ms of 150 ms, 2 of 412 lost");
}

TEST(DrillList, NamesEveryDrillAndItsLimit) {
  for (const auto& one : vrrp::drill::descriptions()) {
    EXPECT_THAT(drill_list(), HasSubstr(fmt::format("\n    {} ", one.name)));
    EXPECT_GT(usual_limit(one.kind), 0ms);
  }
}

}  // namespace
}  // namespace hapair::ctl
