#include "vrrp/core/codec_memory.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

const IpAddress kPeer = IpAddress::v4(0xC0A8320C);

CodecMemories some() {
  return {
      {"VI_1",
       {.sequence = 4711, .sequences = {{kPeer, 4700}, {IpAddress::v4(0xC0A8320D), 4294967295U}}}},
      {"VI 2",
       {.stamp = Stamp{1764225600ULL << 32 | 7},
        .stamps = {{*IpAddress::parse("fe80::1"), Stamp{18446744073709551615ULL}}}}},
      {"VI_3", {}}};
}

TEST(CodecMemory, ReadsItsOwnLinesBack) {
  EXPECT_EQ(read_memories(write_memories(some())), some());
}

TEST(CodecMemory, IsWrittenForPeopleToRead) {
  EXPECT_EQ(write_memories({{"VI_1", {.sequence = 4711, .sequences = {{kPeer, 4700}}}}}),
            "hapair-vrrp-sequences 1\n4711 192.168.50.12=4700 0 - VI_1\n");
}

TEST(CodecMemory, PassesOverRubbish) {
  std::string text = write_memories({{"VI_1", {.sequence = 1}}});
  for (const char* rubbish : {"", "1", "1 - 0 -", "1 - 0 - ", "x - 0 - VI_2", "1 - x - VI_2",
                              "4294967296 - 0 - VI_2", "1 192.168.50.12 0 - VI_2",
                              "1 192.168.50=7 0 - VI_2", "1 192.168.50.12=4294967296 0 - VI_2",
                              "1 192.168.50.12=7, 0 - VI_2", "1 - 0 =1 VI_2", "\xFF\t"})
    text += fmt::format("{}\n", rubbish);
  text += "3 - 0 - VI_3";
  EXPECT_EQ(read_memories(text),
            (CodecMemories{{"VI_1", {.sequence = 1}}, {"VI_3", {.sequence = 3}}}));
}

TEST(CodecMemory, BelievesNothingOfAnotherVersion) {
  EXPECT_TRUE(read_memories("hapair-vrrp-sequences 2\n1 - 0 - VI_1\n").empty());
  EXPECT_TRUE(read_memories("").empty());
}

}  // namespace
}  // namespace hapair::vrrp
