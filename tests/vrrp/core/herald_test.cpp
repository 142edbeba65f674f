#include "vrrp/core/herald.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// What was told, as lines of a FIFO.
class HeraldTest : public ::testing::Test {
 protected:
  void become(const std::string& instance, State to, std::uint8_t priority = 100) {
    tell(herald_.on_transition({.instance = instance, .to = to, .priority = priority}));
  }
  void remark(Remark::Kind kind, State state, std::uint8_t priority = 100) {
    tell(herald_.on_remark(
        {.instance = "VI_1", .kind = kind, .state = state, .priority = priority}));
  }
  void tell(const std::vector<Notice>& notices) {
    for (const Notice& notice : notices) told_.push_back(fifo_line(notice));
  }

  Herald herald_{{{.name = "VG_1", .instances = {"VI_2", "VI_3"}}}};
  std::vector<std::string> told_;
};

TEST_F(HeraldTest, TellsStatesInKeepalivedsWords) {
  become("VI_1", State::Backup);
  become("VI_1", State::Master, 102);
  become("VI_1", State::Fault, 102);
  become("VI_1", State::Initialize, 100);
  EXPECT_THAT(told_, ElementsAre("INSTANCE \"VI_1\" BACKUP 100\n", "INSTANCE \"VI_1\" MASTER 102\n",
                                 "INSTANCE \"VI_1\" FAULT 102\n", "INSTANCE \"VI_1\" STOP 100\n"));
}

TEST_F(HeraldTest, KeepsAClaimToItself) {
  become("VI_1", State::Claiming);
  EXPECT_THAT(told_, IsEmpty());
  become("VI_1", State::Backup);
  become("VI_1", State::Claiming);
  become("VI_1", State::Backup);
  EXPECT_THAT(told_, ElementsAre("INSTANCE \"VI_1\" BACKUP 100\n")) << "nothing has changed since";
}

TEST_F(HeraldTest, TellsOfAGroupWhenItsMembersAgree) {
  become("VI_2", State::Backup);
  become("VI_3", State::Backup);
  become("VI_2", State::Master);
  become("VI_3", State::Master);
  become("VI_2", State::Fault);
  become("VI_2", State::Backup);
  become("VI_3", State::Backup);
  EXPECT_THAT(told_, ElementsAre("INSTANCE \"VI_2\" BACKUP 100\n", "INSTANCE \"VI_3\" BACKUP 100\n",
                                 "GROUP \"VG_1\" BACKUP 0\n", "INSTANCE \"VI_2\" MASTER 100\n",
                                 "INSTANCE \"VI_3\" MASTER 100\n", "GROUP \"VG_1\" MASTER 0\n",
                                 "INSTANCE \"VI_2\" FAULT 100\n", "INSTANCE \"VI_2\" BACKUP 100\n",
                                 "INSTANCE \"VI_3\" BACKUP 100\n", "GROUP \"VG_1\" BACKUP 0\n"));
}

TEST_F(HeraldTest, TellsWhatHappensInAState) {
  remark(Remark::Kind::LowerHeard, State::Master);
  remark(Remark::Kind::Priority, State::Master, 98);
  remark(Remark::Kind::Priority, State::Backup, 102);
  EXPECT_THAT(told_, ElementsAre("INSTANCE \"VI_1\" MASTER_RX_LOWER_PRI 100\n",
                                 "INSTANCE \"VI_1\" MASTER_PRIORITY 98\n",
                                 "INSTANCE \"VI_1\" BACKUP_PRIORITY 102\n"));
}

TEST_F(HeraldTest, KeepsToItselfWhatHappensInOtherStates) {
  remark(Remark::Kind::LowerHeard, State::Claiming);
  remark(Remark::Kind::Priority, State::Initialize);
  remark(Remark::Kind::Priority, State::Fault);
  EXPECT_THAT(told_, IsEmpty());
}

TEST(Notice, HasKeepalivedsArguments) {
  EXPECT_THAT(arguments({Notice::Subject::Instance, "VI_1", Notice::Event::Master, 102}),
              ElementsAre("INSTANCE", "VI_1", "MASTER", "102"));
  EXPECT_THAT(arguments({Notice::Subject::Group, "VG_1", Notice::Event::Stop, 0}),
              ElementsAre("GROUP", "VG_1", "STOP", "0"));
}

}  // namespace
}  // namespace hapair::vrrp
