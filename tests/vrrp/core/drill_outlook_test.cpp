#include "vrrp/core/drill_outlook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// A backup beside a master, where drills are allowed.
DrillOutlook a_backup() {
  return {.instance = "VI 1",
          .address = "192.168.50.10",
          .node = "hap2",
          .state = State::Backup,
          .trouble = {},
          .other = "hap1",
          .other_heard = true,
          .other_state = State::Master,
          .other_fit = true,
          .allowed = true,
          .step = "idle",
          .why = {}};
}

TEST(DrillOutlook, ComesBackAsItWasWritten) {
  DrillOutlook outlook = a_backup();
  EXPECT_EQ(read_drill_outlook(write(outlook)), outlook);
  outlook.is_quiet = false;
  outlook.is_busy = true;
  outlook.id = 18446744073709551615U;
  outlook.step = "refused";
  outlook.why = "no proxy is heard at /run/x";
  outlook.own = {{WallTime(1764225600123ms), State::Master, "BACKUP -> MASTER: it fell silent"}};
  outlook.theirs = {
      {WallTime(1764225600120ms), State::Fault, "MASTER -> FAULT: the proxy is gone"}};
  outlook.other_state.reset();
  EXPECT_EQ(read_drill_outlook(write(outlook)), outlook);
  EXPECT_EQ(read_drill_outlook(write(outlook) + "colour blue\n\n"), outlook);
}

TEST(DrillOutlook, IsNothingOfAnotherAnswer) {
  for (const char* text :
       {"", "No such instance.\n\n", "hapair-drill 2\ninstance a\n", "hapair-drill 1\n"})
    EXPECT_FALSE(read_drill_outlook(text)) << text;
}

TEST(DrillOutlook, TellsWhyNoDrillCanBegin) {
  EXPECT_EQ(why_no_drill(a_backup()), "");
  const auto why = [](auto change) {
    DrillOutlook outlook = a_backup();
    change(outlook);
    return why_no_drill(outlook);
  };
  EXPECT_THAT(why([](auto& it) { it.other.clear(); }), HasSubstr("key_file"));
  EXPECT_THAT(why([](auto& it) { it.allowed = false; }), HasSubstr("drills = true"));
  EXPECT_THAT(why([](auto& it) { it.state = State::Master; }), HasSubstr("run it on hap1"));
  EXPECT_EQ(why([](auto& it) {
              it.state = State::Fault;
              it.trouble = "the proxy is hung";
            }),
            "VI 1 is FAULT here: the proxy is hung");
  EXPECT_THAT(why([](auto& it) { it.other_heard = false; }), HasSubstr("hap1 is not heard"));
  EXPECT_EQ(why([](auto& it) { it.other_state = State::Backup; }), "hap1 is not master of VI 1");
  EXPECT_EQ(why([](auto& it) { it.other_state.reset(); }), "hap1 is not master of VI 1");
  EXPECT_EQ(why([](auto& it) { it.is_busy = true; }), "another drill is under way");
  EXPECT_THAT(why([](auto& it) { it.is_quiet = false; }), HasSubstr("handover is not over"));
}

TEST(DrillOutlook, IsSettledWhenOneIsMasterAndTheOtherCouldBe) {
  EXPECT_TRUE(is_settled(a_backup()));
  DrillOutlook moved = a_backup();
  moved.state = State::Master;
  EXPECT_FALSE(is_settled(moved)) << "two masters";
  moved.other_state = State::Backup;
  EXPECT_TRUE(is_settled(moved));
  moved.other_fit = false;
  EXPECT_FALSE(is_settled(moved)) << "the other could not take over";
  moved.other_fit = true;
  moved.is_busy = true;
  EXPECT_FALSE(is_settled(moved));
  moved.is_busy = false;
  moved.other_heard = false;
  EXPECT_FALSE(is_settled(moved));
}

}  // namespace
}  // namespace hapair::vrrp
