#include "common/config_digest.h"

#include <gtest/gtest.h>

namespace hapair {
namespace {

ConfigDigest of(std::string_view text, std::string_view key = "k") {
  Diagnostics diagnostics;
  const ConfigDocument document = parse_document(text, "t.toml", "", diagnostics);
  EXPECT_EQ(diagnostics.to_string(), "");
  return {document.root, key};
}

TEST(ConfigDigest, IsTheSameForTheSameConfigurationHoweverItIsWritten) {
  EXPECT_EQ(of("[a]\nx = 1\ny = [\"p\", \"q\"]\n").whole(), of("a = { y = [\"p\", \"q\"], x = 1 } # so\n").whole());
  EXPECT_EQ(of("x = 1").whole().size(), 16U);
}

TEST(ConfigDigest, DiffersWhereAValueDoes) {
  const ConfigDigest a = of("[a]\nx = 1\ny = \"1\""), b = of("[a]\nx = 1\ny = 1");
  EXPECT_NE(a.whole(), b.whole());
  ASSERT_EQ(a.keys().size(), 2U);
  EXPECT_EQ(a.keys()[0], b.keys()[0]);
  EXPECT_EQ(a.keys()[1].first, "a.y");
  EXPECT_NE(a.keys()[1].second, b.keys()[1].second);
  EXPECT_NE(of("x = [1, 2]").whole(), of("x = [2, 1]").whole());
}

TEST(ConfigDigest, LeavesOutWhatNodesSayOfThemselvesAlone) {
  EXPECT_EQ(of("x = 1\n[node.a]\naddress = \"10.0.0.1\"\nx = 2").whole(), of("x = 1").whole());
}

TEST(ConfigDigest, CannotBeGuessedWithoutTheKey) {
  EXPECT_NE(of("password = \"admin\"", "k").keys()[0].second,
            of("password = \"admin\"", "l").keys()[0].second);
}

}  // namespace
}  // namespace hapair
