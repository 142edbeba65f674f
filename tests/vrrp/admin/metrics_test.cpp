#include "vrrp/admin/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "common/text.h"
#include "tests/vrrp/admin/a_pair.h"

namespace hapair::vrrp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

StatusReport two() {
  StatusReport report = a_report();
  report.instances.push_back(a_faulty_one());
  report.peer = a_peer();
  return report;
}

// What the format demands: a family is described once, before its series, which stand together; no
// series twice; every line ends.
TEST(Metrics, KeepToTheExpositionFormat) {
  const std::string text = metrics(two());
  ASSERT_TRUE(text.ends_with('\n'));
  std::set<std::string_view> families, series;
  std::string_view family;
  for (std::string_view line : split(std::string_view(text).substr(0, text.size() - 1), '\n')) {
    if (line.starts_with("# ")) {
      const auto words = split(line, ' ');
      ASSERT_GE(words.size(), 4U) << line;
      if (words[1] == "HELP") {
        family = words[2];
        EXPECT_TRUE(families.insert(family).second) << "described twice: " << family;
      } else {
        EXPECT_EQ(words[1], "TYPE");
        EXPECT_EQ(words[2], family);
        EXPECT_TRUE(words[3] == "counter" || words[3] == "gauge") << line;
      }
      continue;
    }
    const auto end = line.rfind(' ');
    ASSERT_NE(end, line.npos) << line;
    EXPECT_TRUE(series.insert(line.substr(0, end)).second) << "twice: " << line;
    EXPECT_EQ(line.substr(0, line.find_first_of("{ ")), family) << line;
    EXPECT_EQ(std::string_view("0123456789").find(line[end + 1]) != std::string_view::npos, true)
        << line;
  }
}

TEST(Metrics, HaveTheNamesThatExportersOfKeepalivedHave) {
  const std::string text = metrics(two());
  for (const char* line :
       {"keepalived_up 1\n",
        "keepalived_vrrp_state{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\",ip_address=\"192.168.50."
        "10\"} 2\n",
        "keepalived_vrrp_state{iname=\"VI "
        "\\\"2\\\"\",intf=\"eth1\",vrid=\"52\",ip_address=\"2001:db8::1\"} 3\n",
        "keepalived_vrrp_excluded_state{iname=\"VI_1\",intf=\"eth2\",vrid=\"51\",ip_address=\"10.0."
        "0.1/24\"} 2\n",
        "keepalived_gratuitous_arp_delay_total{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\"} 5\n",
        "keepalived_advertisements_received_total{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\"} 12\n",
        "keepalived_advertisements_sent_total{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\"} 4711\n",
        "keepalived_become_master_total{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\"} 1\n",
        "keepalived_address_list_errors_total{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\"} 3\n",
        "keepalived_authentication_failure_total{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\"} 5\n",
        "keepalived_script_status{name=\"chk_haproxy\"} 1\n",
        "keepalived_script_status{name=\"b\"} 0\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr("name=\"c\""))) << "it has not spoken yet";
  for (const char* family :
       {"release_master", "packet_length_errors", "advertisements_interval_errors", "ip_ttl_errors",
        "invalid_type_received", "authentication_invalid", "authentication_mismatch",
        "priority_zero_received", "priority_zero_sent"})
    EXPECT_THAT(text, HasSubstr(fmt::format("# TYPE keepalived_{}_total counter\n", family)));
}

TEST(Metrics, HaveOursBeside) {
  const std::string text = metrics(two());
  for (const char* line :
       {"hapair_vrrp_healthy 0\n", "hapair_vrrp_guardian_alive 1\n",
        "hapair_vrrp_priority{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\"} 103\n",
        "hapair_vrrp_lease_seconds{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\"} 1\n",
        "hapair_vrrp_last_advert_age_seconds{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\"} 184\n",
        "hapair_vrrp_last_transition_timestamp_seconds{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\"} "
        "1764225600\n",
        "hapair_vrrp_refused_total{iname=\"VI_1\",intf=\"eth1\",vrid=\"51\",reason=\"checksum\"} "
        "7\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr("last_advert_age_seconds{iname=\"VI \\\"2\\\"\"")))
      << "none was heard";
}

TEST(Metrics, TellTheOtherNode) {
  const std::string text = metrics(two());
  for (const char* line : {"hapair_vrrp_peer_heard{node=\"hap2\"} 1\n",
                           "hapair_vrrp_peer_same_configuration{node=\"hap2\"} 0\n",
                           "hapair_vrrp_peer_last_message_age_seconds{node=\"hap2\"} 0.1\n",
                           "hapair_vrrp_peer_refused_total{node=\"hap2\"} 5\n"})
    EXPECT_THAT(text, HasSubstr(line));
  StatusReport silent = two();
  silent.peer->heard = false;
  EXPECT_THAT(metrics(silent), HasSubstr("hapair_vrrp_peer_heard{node=\"hap2\"} 0\n"));
  EXPECT_THAT(metrics(silent), Not(HasSubstr("same_configuration"))) << "who knows";
  EXPECT_THAT(metrics(a_report()), Not(HasSubstr("peer")));
}

TEST(Metrics, SayNothingOfAGuardianThatNobodyWants) {
  StatusReport report = a_report();
  report.wants_guardian = false;
  EXPECT_THAT(metrics(report), Not(HasSubstr("guardian")));
}

TEST(Metrics, TellAClaimantFromAMaster) {
  StatusReport report = a_report();
  report.instances[0].state = State::Claiming;
  EXPECT_THAT(metrics(report), HasSubstr("ip_address=\"192.168.50.10\"} 1\n"));
}

}  // namespace
}  // namespace hapair::vrrp
