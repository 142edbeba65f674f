#include "common/crypto.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace hapair {
namespace {

TEST(Crypto, FindsEqualSecretsEqual) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("admin:admin", std::string("admin:") + "admin"));
}

TEST(Crypto, FindsSecretsDifferentWhereverTheyDiffer) {
  for (const char* other : {"", "admin:admi", "admin:admin ", "Admin:admin", "admin:admiN"})
    EXPECT_FALSE(constant_time_equal("admin:admin", other)) << other;
  EXPECT_FALSE(constant_time_equal(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

TEST(Crypto, KnowsTheVectorsOfRfc4231) {
  const auto hex = [](const std::array<std::uint8_t, 32>& digest) {
    std::string text;
    for (const std::uint8_t byte : digest) text += fmt::format("{:02x}", byte);
    return text;
  };
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

TEST(Crypto, KnowsTheVectorsOfRfc2202) {
  const auto digest = hmac_md5("Jefe", "what do ya want for nothing?");
  std::string text;
  for (const std::uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  EXPECT_EQ(text, "750c783e6ab0b503eaa86e310a5db738");
}

}  // namespace
}  // namespace hapair
