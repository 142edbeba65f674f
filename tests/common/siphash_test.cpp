#include "common/siphash.h"

#include <gtest/gtest.h>

#include <string>

namespace hapair {
namespace {

// The reference vectors of the paper and its code: key 00 01 … 0f, input 00 01 … .
constexpr SipKey kKey = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::string counting(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i);
  return bytes;
}

TEST(SipHash, GivesTheReferenceVectors) {
  EXPECT_EQ(siphash(kKey, ""), 0x726fdb47dd0e0e31u);
  EXPECT_EQ(siphash(kKey, counting(1)), 0x74f839c593dc67fdu);
  EXPECT_EQ(siphash(kKey, counting(8)), 0x93f5f5799a932462u);
  EXPECT_EQ(siphash(kKey, counting(15)), 0xa129ca6149be45e5u);
}

TEST(SipHash, DependsOnTheWholeKey) {
  EXPECT_NE(siphash({1, 2}, "web"), siphash({1, 3}, "web"));
  EXPECT_NE(siphash({1, 2}, "web"), siphash({2, 2}, "web"));
  EXPECT_EQ(siphash(sip_key_from("a"), "web"), siphash(sip_key_from("a"), "web"));
  EXPECT_NE(siphash(sip_key_from("a"), "web"), siphash(sip_key_from("b"), "web"));
}

}  // namespace
}  // namespace hapair
