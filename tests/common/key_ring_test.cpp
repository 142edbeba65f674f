#include "common/key_ring.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace hapair {
namespace {

const std::string kHex(64, 'a');  // 32 bytes

std::string error_of(std::string_view text) {
  const auto ring = parse_key_ring(text, "pair.key");
  return ring ? "none" : ring.error().message;
}

TEST(KeyRing, ReadsKeysInTheirOrderAndPassesOverComments) {
  const auto ring = parse_key_ring("# the pair's\n2 " + kHex + "\r\n\n1\t" + std::string(128, 'B') + " # old\n", "k");
  ASSERT_TRUE(ring) << ring.error().message;
  ASSERT_EQ(ring->keys.size(), 2U);
  EXPECT_EQ(ring->keys[0].id, 2) << "the first signs";
  EXPECT_EQ(ring->keys[0].secret, std::string(32, '\xAA'));
  EXPECT_EQ(ring->find(1)->secret, std::string(64, '\xBB'));
  EXPECT_EQ(ring->find(3), nullptr);
}

TEST(KeyRing, NamesTheLineOfAMistakeAndNothingOfTheKey) {
  EXPECT_EQ(error_of("\n300 " + kHex), "pair.key:2: a line is \"ID KEY\", with an ID from 1 to 255");
  EXPECT_EQ(error_of("1 " + kHex.substr(1)), "pair.key:1: key 1 is not written in hexadecimal digits");
  EXPECT_EQ(error_of("1 xyz"), "pair.key:1: key 1 is not written in hexadecimal digits");
  EXPECT_EQ(error_of("1"), "pair.key:1: key 1 is not written in hexadecimal digits");
  EXPECT_EQ(error_of("1 abcd"),
            "pair.key:1: key 1 has 2 bytes; 32 to 64 are wanted (`hapair keygen` makes one)");
  EXPECT_EQ(error_of("1 " + kHex + "\n1 " + kHex), "pair.key:2: there is a key 1 already");
  EXPECT_EQ(error_of("# nothing\n"), "pair.key has no key: `hapair keygen pair.key` makes one");
}

TEST(KeyRing, MakesLinesThatItReadsAndThatDiffer) {
  const std::string line = make_key_line(7);
  const auto ring = parse_key_ring(line, "k");
  ASSERT_TRUE(ring) << ring.error().message;
  EXPECT_EQ(ring->keys.at(0).id, 7);
  EXPECT_EQ(ring->keys.at(0).secret.size(), KeyRing::kShortest);
  EXPECT_NE(make_key_line(7), line);
}

TEST(KeyRing, RefusesAFileThatEverybodyMayRead) {
  const std::string path = ::testing::TempDir() + "/hapair-key-ring-test";
  std::ofstream(path) << make_key_line(1);
  ::chmod(path.c_str(), 0644);
  const auto open = read_key_ring(path);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().message, "everybody may read the key file " + path + ": chmod 0640 " + path);
  ::chmod(path.c_str(), 0640);
  EXPECT_TRUE(read_key_ring(path));
  std::remove(path.c_str());
  EXPECT_EQ(read_key_ring(path).error().code, Errc::NotFound);
}

}  // namespace
}  // namespace hapair
