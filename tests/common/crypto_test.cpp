#include "common/crypto.h"

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

}  // namespace
}  // namespace hapair
