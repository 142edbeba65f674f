#include "vrrp/admin/status_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vrrp/admin/a_pair.h"

namespace hapair::vrrp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(StatusReport, IsWellWhereEveryInstanceIsMasterOrFollowsOne) {
  StatusReport report = a_report();
  EXPECT_THAT(troubles(report), IsEmpty());
  report.instances[0].state = State::Backup;
  EXPECT_THAT(troubles(report), IsEmpty()) << "it follows one that lives";
  report.instances[0].master.reset();
  EXPECT_THAT(troubles(report), ElementsAre("VI_1 is BACKUP and hears no master"));
}

TEST(StatusReport, NamesEverythingThatIsWrong) {
  StatusReport report = a_report();
  report.instances.push_back(a_faulty_one());
  for (const State state : {State::Claiming, State::Initialize}) {
    report.instances.push_back(a_master());
    report.instances.back().state = state;
  }
  report.guardian_pid = -1;
  EXPECT_THAT(troubles(report),
              ElementsAre("VI \"2\" is FAULT: interface eth1 is down or gone",
                          "VI_1 is about to become master", "VI_1 takes no part in the election",
                          "the guardian is not running"));
  report.wants_guardian = false;
  EXPECT_EQ(troubles(report).size(), 3U);
}

}  // namespace
}  // namespace hapair::vrrp
