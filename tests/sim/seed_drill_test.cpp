// Seed 002's drill, line by line: the log of both load balancers as the document shows it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/virtual_network.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// What the document shows: it leaves out addresses, announcements and priorities.
std::vector<std::string> as_in_the_document(const std::vector<std::string>& log) {
  std::vector<std::string> out;
  for (const std::string& line : log)
    if (line.find("VIPs") == line.npos && line.find("gratuitous") == line.npos &&
        line.find("effective priority") == line.npos)
      out.push_back(line);
  return out;
}

TEST(SeedDrill, WritesTheDocumentsLinesInTheDocumentsOrder) {
  VirtualNetwork net(2016);
  auto& hap1 = net.router({.priority = 101, .state = InitialState::Master});
  auto& hap2 = net.router({.priority = 100, .state = InitialState::Master});

  hap1.script(Verdict::Good);  // 20:51:52
  hap1.start();
  net.run_for(73s);
  hap2.script(Verdict::Good);  // 20:53:05
  hap2.start();
  net.run_for(452s);
  hap2.script(Verdict::Bad);  // 21:00:38
  net.run_for(40s);
  hap2.script(Verdict::Good);  // 21:01:18
  net.run_for(18s);
  EXPECT_TRUE(hap1.holds_address());
  hap1.script(Verdict::Bad);  // 21:01:36
  net.run_for(10s);
  EXPECT_TRUE(hap2.holds_address());

  EXPECT_THAT(as_in_the_document(hap1.log()),
              ElementsAre("VRRP_Script(chk_haproxy) succeeded",
                          "VRRP_Instance(VI_1) Transition to MASTER STATE",
                          "VRRP_Instance(VI_1) Entering MASTER STATE",
                          "VRRP_Instance(VI_1) Received lower prio advert, forcing new election",
                          "VRRP_Script(chk_haproxy) failed",
                          "VRRP_Instance(VI_1) Received higher prio advert",
                          "VRRP_Instance(VI_1) Entering BACKUP STATE"));
  EXPECT_THAT(as_in_the_document(hap2.log()),
              ElementsAre("VRRP_Script(chk_haproxy) succeeded",
                          "VRRP_Instance(VI_1) Transition to MASTER STATE",
                          "VRRP_Instance(VI_1) Received higher prio advert",
                          "VRRP_Instance(VI_1) Entering BACKUP STATE",
                          "VRRP_Script(chk_haproxy) failed", "VRRP_Script(chk_haproxy) succeeded",
                          "VRRP_Instance(VI_1) forcing a new MASTER election",
                          "VRRP_Instance(VI_1) Transition to MASTER STATE",
                          "VRRP_Instance(VI_1) Entering MASTER STATE"));
}

TEST(SeedDrill, TellsOfAddressesAndAnnouncementsInTheOrderOf2016) {
  VirtualNetwork net(1);
  auto& hap1 = net.router({.priority = 101, .state = InitialState::Master});
  hap1.start();
  net.run_for(2s);
  hap1.shutdown();
  EXPECT_THAT(hap1.log(),
              ElementsAre("VRRP_Instance(VI_1) Transition to MASTER STATE",
                          "VRRP_Instance(VI_1) Entering MASTER STATE",
                          "VRRP_Instance(VI_1) setting protocol VIPs.",
                          "VRRP_Instance(VI_1) Sending gratuitous ARPs on eth1 for 192.168.50.10",
                          "VRRP_Instance(VI_1) removing protocol VIPs."));
}

}  // namespace
}  // namespace hapair::vrrp
