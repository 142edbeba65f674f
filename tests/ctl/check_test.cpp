#include "ctl/check.h"

#include <gtest/gtest.h>

namespace hapair::ctl {
namespace {

constexpr std::string_view kPair = R"([node.hap1]
address = "192.168.50.11"
[node.hap1.vrrp.instance.VI_1]
priority = 101
[node.hap2]
address = "192.168.50.12"
[node.hap2.vrrp.instance.VI_1]
priority = 100
[[global.log]]
target = "udp:127.0.0.1:514"
[defaults]
log_format = "http"
timeout = { connect = "5s", client = "50s", server = "50s" }
[frontend.web]
bind = ["*:80"]
default_backend = "webs"
[backend.webs]
[[backend.webs.server]]
name = "web1"
address = "192.168.50.21:80"
[vrrp.script.chk]
command = "/usr/bin/killall -0 hapair-proxy"
weight = 2
[vrrp.instance.VI_1]
interface = "eth1"
virtual_router_id = 51
virtual_addresses = ["192.168.50.10"]
track_scripts = ["chk"]
)";

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kPair);
  const auto at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

std::string check(std::string_view text) {
  return check_configuration([text](std::string_view node, Diagnostics& found) {
           return parse_document(text, "t.toml", node, found);
         })
      .to_string();
}

/// The first line of what `check` says.
std::string first(std::string_view text) {
  const std::string all = check(text);
  return all.substr(0, all.find('\n'));
}

std::string on_hap2(std::string_view line) {
  return replaced("priority = 100", fmt::format("priority = 100\n{}", line));
}

TEST(Check, HasNothingToSayOfAGoodPair) {
  EXPECT_EQ(check(kPair), "");
}

TEST(Check, AWeightMustOutweighTheDifferenceOfThePriorities) {
  EXPECT_EQ(
      check(replaced("priority = 101", "priority = 150")),
      R"(t.toml:23:10: error: if chk fails on hap1, hap2 does not take over VI_1: hap1 still has priority 150, hap2 only 102
   23 | weight = 2
      |          ^ the weight must be at least 51
)");
  // 102 + nothing against 100 + 2: adverts of an equal do not move a backup.
  EXPECT_EQ(
      first(replaced("priority = 101", "priority = 102")),
      "t.toml:23:10: error: if chk fails on hap1, hap2 does not take over VI_1: hap1 still has "
      "priority 102, hap2 only 102");
  EXPECT_EQ(check(replaced("weight = 2", "weight = 1")).find("t.toml:23:10: error"), 0U);
}

TEST(Check, TheLeastWeightThatItNamesWorks) {
  std::string text = replaced("priority = 101", "priority = 150");
  EXPECT_EQ(check(text.replace(text.find("weight = 2"), 10, "weight = 51")), "");
}

TEST(Check, ANegativeWeightIsReckonedToo) {
  EXPECT_EQ(check(replaced("weight = 2", "weight = -2")), "");
  const std::string said = check(replaced("weight = 2", "weight = -1"));
  EXPECT_NE(said.find("hap1 still has priority 100, hap2 only 100"), std::string::npos) << said;
  EXPECT_NE(said.find("the weight must be at most -2"), std::string::npos) << said;
}

TEST(Check, AScriptWithoutWeightTakesItsNodeOut) {
  std::string text = replaced("priority = 101", "priority = 200");
  EXPECT_EQ(check(text.replace(text.find("weight = 2\n"), 11, "")), "");
}

TEST(Check, TheOwnerOfTheAddressesNeverGivesWay) {
  EXPECT_EQ(
      first(replaced("priority = 101", "priority = 255")),
      "t.toml:4:12: error: if chk fails on hap1, hap2 does not take over VI_1: priority 255 owns "
      "the addresses and never gives way");
}

TEST(Check, AnOwnerThatLeavesTheElectionDoesGiveWay) {
  std::string text = replaced("priority = 101", "priority = 255");
  EXPECT_EQ(check(text.replace(text.find("weight = 2\n"), 11, "")), "");
}

/// The pair with other things to track.
std::string tracking(std::string_view lists, std::string_view sections = "") {
  return replaced("track_scripts = [\"chk\"]\n", fmt::format("{}\n{}\n", lists, sections));
}

TEST(Check, InterfacesAndProcessesAreReckonedAsScriptsAre) {
  EXPECT_EQ(check(tracking("track_processes = [\"proxy\"]",
                           "[vrrp.track_process.proxy]\nname = \"hapair-proxy\"\nweight = 2")),
            "");
  EXPECT_EQ(
      check(tracking("track_processes = [\"proxy\"]",
                     "[vrrp.track_process.proxy]\nname = \"hapair-proxy\"\nweight = -1")),
      R"(t.toml:31:10: error: if process proxy fails on hap1, hap2 does not take over VI_1: hap1 still has priority 100, hap2 only 100
   31 | weight = -1
      |          ^ the weight must be at most -2
)");
  EXPECT_EQ(check(tracking("track_scripts = [\"chk\"]\ntrack_interfaces = [\"eth2\"]")), "");
  EXPECT_EQ(
      first(tracking(
          "track_scripts = [\"chk\"]\ntrack_interfaces = [{ name = \"eth2\", weight = -1 }]")),
      "t.toml:29:47: error: if interface eth2 fails on hap1, hap2 does not take over VI_1: hap1 "
      "still has priority 102, hap2 only 102");
}

TEST(Check, TheWeightOfTheInstanceIsTheOneThatIsWrong) {
  EXPECT_EQ(check(tracking("track_scripts = [{ name = \"chk\", weight = 20 }]")), "");
  EXPECT_EQ(first(tracking("track_scripts = [{ name = \"chk\", reverse = true, weight = 1 }]")),
            "t.toml:28:59: error: if chk fails on hap1, hap2 does not take over VI_1: hap1 still "
            "has priority 101, hap2 only 101");
}

TEST(Check, AFileCountsAsItIsUntilSomebodyWritesIt) {
  const std::string_view lists = "track_scripts = [\"chk\"]\ntrack_files = [\"drain\"]";
  EXPECT_EQ(check(tracking(lists, "[vrrp.track_file.drain]\npath = \"/run/hapair/drain\"")), "")
      << "it can say -254";
  // Equally on both nodes; but on hap1 there is no room for it below 254.
  EXPECT_EQ(first(tracking(lists, "[vrrp.track_file.drain]\npath = \"/x\"\ninitial = 153")),
            "t.toml:23:10: error: if chk fails on hap1, hap2 does not take over VI_1: hap1 still "
            "has priority 254, hap2 only 254");
}

TEST(Check, ANodeThatDoesNotPreemptTakesOverFromOneThatFails) {
  EXPECT_EQ(check(on_hap2("preempt = false")), "");
}

TEST(Check, AnInstanceMustTrackTheProxy) {
  const std::string said = check(replaced("track_scripts = [\"chk\"]\n", ""));
  EXPECT_NE(said.find("t.toml:24:1: error: if the proxy of hap1 fails, VI_1 stays where it is"),
            std::string::npos)
      << said;
}

TEST(Check, OnlyWhatKnowsOfTheProxyTracksIt) {
  const std::string_view mistake = "error: if the proxy of hap1 fails, VI_1 stays where it is";
  const auto process = [](std::string_view which) {
    return check(
        tracking("track_processes = [\"p\"]", fmt::format("[vrrp.track_process.p]\n{}", which)));
  };
  EXPECT_EQ(process("name = \"hapair-proxy\""), "");
  EXPECT_EQ(process("pidfile = \"/run/hapair/proxy.pid\""), "");
  EXPECT_NE(process("name = \"unbound\"").find(mistake), std::string::npos);
  EXPECT_NE(check(tracking("track_interfaces = [\"eth2\"]")).find(mistake), std::string::npos);
}

TEST(Check, NodesMustAgreeOnWhatTheyElect) {
  EXPECT_EQ(
      first(on_hap2("virtual_router_id = 52")),
      "t.toml:9:21: error: virtual_router_id differs in instance VI_1: 51 on hap1, 52 on hap2");
  EXPECT_EQ(first(on_hap2("advert_interval = \"2s\"")),
            "t.toml:9:19: error: advert_interval differs in instance VI_1: 1s on hap1, 2s on hap2");
  EXPECT_EQ(
      first(on_hap2("virtual_addresses = [\"192.168.50.10\", \"192.168.50.9\"]")),
      "t.toml:9:21: error: virtual_addresses differs in instance VI_1: 192.168.50.10 on hap1, "
      "192.168.50.10, 192.168.50.9 on hap2");
  EXPECT_EQ(first(on_hap2("auth = { type = \"pass\", password = \"secret\" }")),
            "t.toml:9:8: error: auth differs in instance VI_1: none on hap1, a password on hap2");
}

TEST(Check, NodesMustAgreeOnThePasswordWhichIsNotShown) {
  std::string text = on_hap2("auth = { type = \"pass\", password = \"other\" }");
  text += "auth = { type = \"pass\", password = \"secret\" }\n";
  const std::string said = first(text);
  EXPECT_EQ(said,
            "t.toml:9:36: error: the passwords of instance VI_1 differ between hap1 and hap2");
}

TEST(Check, NodesMustHaveTheSameInstances) {
  EXPECT_NE(check(replaced("[[global.log]]", R"([node.hap2.vrrp.instance.VI_2]
interface = "eth1"
virtual_router_id = 52
virtual_addresses = ["192.168.50.9"]
track_scripts = ["chk"]
[[global.log]])"))
                .find("error: hap2 has the instance VI_2, hap1 has not"),
            std::string::npos);
}

TEST(Check, NodesMustHaveDifferentAddresses) {
  EXPECT_EQ(first(replaced("192.168.50.12", "192.168.50.11")),
            "t.toml:6:11: error: hap1 and hap2 have the same address 192.168.50.11");
}

TEST(Check, AMistakeOfAllNodesIsToldOnceAndOfOneNamesIt) {
  EXPECT_EQ(check(replaced("[backend.webs]", "[backend.webs]\nbalance = \"roundrobbin\"")),
            R"(t.toml:18:11: error: unknown balance "roundrobbin"
   18 | balance = "roundrobbin"
      |           ^ did you mean "roundrobin"?
)");
  EXPECT_EQ(first(on_hap2("prio = 1")),
            "t.toml:9:1: error: on hap2: unknown key 'prio' in vrrp.instance.VI_1");
}

TEST(Check, BothDaemonsPartsAreChecked) {
  std::string text = replaced("[backend.webs]", "[backend.webs]\nretries = -1");
  text.replace(text.find("weight = 2"), 10, "weight = 2000");
  const std::string said = check(text);
  EXPECT_NE(said.find("18:11: error: retries is -1"), std::string::npos) << said;
  EXPECT_NE(said.find("24:10: error: weight is 2000"), std::string::npos) << said;
}

TEST(Check, ALevelThatHidesTheAccessLogIsAnError) {
  EXPECT_EQ(
      check(replaced("target = \"udp:127.0.0.1:514\"",
                     "target = \"udp:127.0.0.1:514\"\nlevel = \"notice\"")),
      R"(t.toml:11:9: error: level "notice" hides the access log that log_format asks for on line 13
   11 | level = "notice"
      |         ^ access log lines have level "info"
)");
}

TEST(Check, OfASyntaxErrorIsThatAlone) {
  EXPECT_EQ(check("[node.a]\nx = = 1\n"),
            "t.toml:2:5: error: expected a value, found '='\n    2 | x = = 1\n      |     ^\n");
}

TEST(Check, JudgesGlobalOfAFileForTheElectionAloneToo) {
  EXPECT_EQ(check(R"([global]
log_tga = "x"
[[global.log]]
target = "/dev/log"
facility = "local9"
[vrrp.instance.VI_1]
interface = "eth1"
virtual_router_id = 51
virtual_addresses = ["192.168.50.10"]
)")
                .substr(0, 60),
            "t.toml:2:1: error: unknown key 'log_tga' in global\n    2 | l");
}

TEST(Check, TakesFilesWithoutNodesAndWithoutAProxy) {
  EXPECT_EQ(check(R"([vrrp.instance.VI_1]
interface = "eth1"
virtual_router_id = 51
virtual_addresses = ["192.168.50.10"]
)"),
            "");
}

}  // namespace
}  // namespace hapair::ctl
