#include "vrrp/core/succession.h"

#include <gtest/gtest.h>

#include <random>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

const TimePoint t0{1000s};
const IpAddress kPeer = IpAddress::v4(0xC0A8320C);

Succession some() {
  Succession out{.guardian = 12, .routers = {}, .found = {}};
  out.routers.push_back({.instance = "VI_1",
                         .election = {.state = State::Master,
                                      .cause = {Cause::Kind::Silence},
                                      .master_interval = 100ms,
                                      .deadline = t0 + 7ms},
                         .codec = {.sequence = 4711, .sequences = {{kPeer, 4700}}}});
  out.routers.push_back({.instance = "VI 2",
                         .election = {.state = State::Backup,
                                      .cause = {Cause::Kind::Higher, kPeer, 103},
                                      .master_interval = 1s,
                                      .deadline = t0 + 3s,
                                      .master = *IpAddress::parse("fe80::1"),
                                      .master_priority = 103,
                                      .peer_priority = 103,
                                      .gave = true,
                                      .resigned = true,
                                      .quiet_until = t0 + 1s,
                                      .grace_until = t0 - 1s,
                                      .preempt_from = t0 + 2s},
                         .codec = {.stamp = Stamp{1764225600ULL << 32 | 7}}});
  out.found = {{0, "chk proxy", Reading::of(Verdict::Bad)},
               {2, "load", Reading::of(-17)},
               {1, "eth1", Reading::of(Verdict::Unknown)}};
  return out;
}

TEST(Succession, ReadsItsOwnLinesBack) {
  for (const Succession& one : {some(), Succession{}}) {
    const auto read = read_succession(write_succession(one));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, one);
  }
}

TEST(Succession, AnElectionGoesOnFromWhatWasRead) {
  InstanceFsm before({.source = IpAddress::v4(0xC0A8320B), .priority = 103});
  before.on_start(t0);
  before.on_deadline(before.deadline());
  ASSERT_EQ(before.state(), State::Master);
  const auto read =
      read_succession(write_succession({.routers = {{"VI_1", before.memory(), {}}}, .found = {}}));
  ASSERT_TRUE(read);
  InstanceFsm after({.source = IpAddress::v4(0xC0A8320B), .priority = 103});
  after.on_resume(read->routers.front().election, before.deadline());
  EXPECT_EQ(after.state(), State::Master);
  EXPECT_EQ(after.deadline(), before.deadline());
}

TEST(Succession, IsWrittenForPeopleToRead) {
  const std::string text = write_succession(some());
  EXPECT_TRUE(text.starts_with("hapair-vrrp-succession 1\nguardian 12 \ntracker 0 no yes 0 chk proxy\n"))
      << text;
}

TEST(Succession, BelievesNothingOfAnotherVersion) {
  std::string text = write_succession(some());
  text.replace(text.find(" 1\n"), 3, " 2\n");
  EXPECT_FALSE(read_succession(text));
  EXPECT_FALSE(read_succession(""));
}

TEST(Succession, NamesTheLineItCannotRead) {
  std::string text = write_succession(some());
  text.replace(text.find("router MASTER"), 13, "router MASTERY");
  const auto read = read_succession(text);
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().message.starts_with("line 6 of what was handed over cannot be read: router M"))
      << read.error().message;
}

TEST(Succession, RefusesWhatWasCutShort) {
  const std::string text = write_succession(some());
  const std::size_t codecs = text.find("codecs\n");
  for (std::size_t size = 0; size < codecs + 7; ++size)
    EXPECT_FALSE(read_succession(std::string_view(text).substr(0, size))) << size;
}

TEST(Succession, NeverMakesMoreOfRubbishThanItSays) {
  std::mt19937 random(51);
  const std::string text = write_succession(some());
  int refused = 0;
  for (int run = 0; run < 20000; ++run) {
    std::string broken = text;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % broken.size();
      switch (random() % 3) {
        case 0: broken[at] = static_cast<char>(random()); break;
        case 1: broken.erase(at, random() % 9); break;
        default: broken.insert(at, 1, " \n-0y"[random() % 5]);
      }
    }
    const auto read = read_succession(broken);
    if (!read) {
      ++refused;
      continue;
    }
    // What it takes is what it would write.
    const auto again = read_succession(write_succession(*read));
    ASSERT_TRUE(again) << broken;
    EXPECT_EQ(*again, *read) << broken;
  }
  EXPECT_GT(refused, 10000);
}

}  // namespace
}  // namespace hapair::vrrp
