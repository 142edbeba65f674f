#include "proxy/exchange/key_hash.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "proxy/balance/mix.h"

namespace hapair::exchange {
namespace {

using Function = proxy::Balance::HashFunction;
constexpr std::array kAll = {Function::SipHash, Function::Fnv1a, Function::Sdbm, Function::Djb2,
                             Function::Crc32};

std::uint64_t of(Function function, std::string_view text, std::string_view secret = "") {
  return KeyHash(function, secret).of(text).value();
}

// What the other node computes, maybe with another version or on another kind of machine.
TEST(KeyHash, NeverChangesItsMind) {
  const auto source = [](std::string_view address) {
    return KeyHash(Function::Fnv1a, "").of(*IpAddress::parse(address), 32, 128);
  };
  EXPECT_EQ(source("192.168.50.1"), 0x9b8c11090d4a585eu);
  EXPECT_EQ(source("2001:db8::1"), 0x216dba65aa6c0c57u);
  EXPECT_EQ(source("::ffff:192.168.50.1"), source("192.168.50.1"));
  // The check values that everybody gives for these functions of "123456789".
  EXPECT_EQ(of(Function::Crc32, "123456789"), balance::mix(0xcbf43926));
  EXPECT_EQ(of(Function::Fnv1a, "a"), balance::mix(0xaf63dc4c8601ec8c));
  EXPECT_EQ(of(Function::Djb2, "a"), balance::mix(5381 * 33 + 'a'));
  EXPECT_EQ(of(Function::Sdbm, "ab"), balance::mix('a' * 65599u + 'b'));
  EXPECT_EQ(of(Function::SipHash, "/index.html"), 0xc293f90f9ebe1b80u);
}

TEST(KeyHash, SpreadsNeighbours) {
  for (const Function function : kAll) {
    std::array<int, 8> buckets{};
    for (int i = 0; i < 8000; ++i) ++buckets[of(function, "/user/" + std::to_string(i)) % 8];
    for (const int bucket : buckets) EXPECT_NEAR(bucket, 1000, 150) << static_cast<int>(function);
  }
}

TEST(KeyHash, CannotBeForetoldWithoutTheSecret) {
  EXPECT_NE(of(Function::SipHash, "a", "one"), of(Function::SipHash, "a", "two"));
  EXPECT_EQ(of(Function::SipHash, "a", "one"), of(Function::SipHash, "a", "one"));
}

TEST(KeyHash, TakesANumberForItselfWhereNoneIsAskedFor) {
  const KeyHash none(Function::None, "");
  EXPECT_EQ(none.of("17"), 17u);
  EXPECT_EQ(none.of("17a"), std::nullopt);
  EXPECT_EQ(none.of(""), std::nullopt);
  EXPECT_EQ(none.of(*IpAddress::parse("0.0.1.2"), 32, 128), 258u);
  EXPECT_EQ(none.of(*IpAddress::parse("0.0.1.2"), 24, 128), 256u);
}

}  // namespace
}  // namespace hapair::exchange
