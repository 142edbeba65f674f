#include "vrrp/core/history.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

Transition at(std::chrono::seconds second, std::string instance = "VI_1") {
  return {.instance = std::move(instance),
          .from = State::Backup,
          .to = State::Master,
          .priority = 103,
          .why = "no master was heard",
          .at = WallTime(second)};
}

std::vector<std::int64_t> seconds_of(const History& history) {
  std::vector<std::int64_t> out;
  for (const Transition& one : history.transitions())
    out.push_back(
        std::chrono::duration_cast<std::chrono::seconds>(one.at.time_since_epoch()).count());
  return out;
}

TEST(History, RemembersTheLastHundred) {
  History history;
  for (int second = 1; second <= 250; ++second) history.add(at(std::chrono::seconds(second)));
  ASSERT_EQ(history.transitions().size(), 100U);
  EXPECT_EQ(seconds_of(history).front(), 151);
  EXPECT_EQ(seconds_of(history).back(), 250);
}

TEST(History, RemembersDrillsBesideTheChanges) {
  History history;
  history.add(at(1s));
  for (int second = 1; second <= 30; ++second)
    history.add(Rehearsal{.instance = second % 2 ? "VI 1" : "VI_2",
                          .passed = second % 3 != 0,
                          .text = "kill-proxy: hap2 took over",
                          .at = WallTime(std::chrono::seconds(second))});
  ASSERT_EQ(history.rehearsals().size(), History::kMostRehearsals);
  EXPECT_EQ(history.last_rehearsal_of("VI 1")->at, WallTime(29s));
  EXPECT_EQ(history.last_rehearsal_of("VI_3"), nullptr);
  const History again = History::read(history.write());
  EXPECT_EQ(again.rehearsals(), history.rehearsals());
  EXPECT_EQ(again.transitions(), history.transitions());
  EXPECT_EQ(History::read("hapair-vrrp-history 1\ndrill x passed VI\ty\ndrill 5 won VI\ty\ndrill 5 passed VI\n")
                .rehearsals()
                .size(),
            0U);
}

TEST(History, KeepsTheLastOfAnInstanceThatHardlyEverChanges) {
  History history;
  history.add(at(1s, "VI_2"));
  history.add(at(2s, "VI_2"));
  for (int second = 3; second <= 250; ++second) history.add(at(std::chrono::seconds(second)));
  EXPECT_EQ(history.transitions().size(), 100U);
  ASSERT_TRUE(history.last_of("VI_2"));
  EXPECT_EQ(history.last_of("VI_2")->at, WallTime(2s));
  EXPECT_EQ(history.last_of("VI_1")->at, WallTime(250s));
  EXPECT_FALSE(history.last_of("VI_3"));
}

TEST(History, IsBoundedHoweverManyInstancesThereWere) {
  History history;
  for (int i = 1; i <= 250; ++i) history.add(at(std::chrono::seconds(i), fmt::format("VI_{}", i)));
  EXPECT_EQ(history.transitions().size(), 100U);
  EXPECT_EQ(seconds_of(history).front(), 151);
}

TEST(History, ReadsItsOwnLinesBack) {
  History history;
  Transition odd = at(0s, "VI 2: a \"name\"");
  odd.at = WallTime(1764225600s + 123456789ns);
  odd.from = State::Initialize;
  odd.to = State::Fault;
  odd.priority = 255;
  odd.why = "interface eth1 is down or gone";
  history.add(odd);
  for (const State state : {State::Backup, State::Claiming, State::Master}) {
    Transition next = at(1764225601s);
    next.to = state;
    history.add(next);
  }
  const History again = History::read(history.write());
  EXPECT_EQ(again.transitions(), history.transitions());
}

TEST(History, PassesOverRubbish) {
  History history;
  history.add(at(1s));
  std::string text = history.write();
  text += "\n\n12 BACKUP MASTER 103 VI_1\n";   // no reason
  text += "x BACKUP MASTER 103 VI_1\twhy\n";   // no time
  text += "12 BACKUP KING 103 VI_1\twhy\n";    // no state
  text += "12 BACKUP MASTER 256 VI_1\twhy\n";  // no priority
  text += "12 BACKUP MASTER 103 \twhy\n";      // nobody
  text += std::string("\0\xFF\t \n", 5) + std::string(9000, 'x') + "\n";
  text += "2000000000 BACKUP MASTER 103 VI_1\tno end";
  EXPECT_EQ(seconds_of(History::read(text)), (std::vector<std::int64_t>{1, 2}));
}

TEST(History, BelievesNothingOfAnotherVersion) {
  History history;
  history.add(at(1s));
  std::string text = history.write();
  text.replace(text.find('1'), 1, "2");
  EXPECT_TRUE(History::read(text).transitions().empty());
  EXPECT_TRUE(History::read("").transitions().empty());
}

}  // namespace
}  // namespace hapair::vrrp
