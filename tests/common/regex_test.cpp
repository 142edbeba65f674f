#include "common/regex.h"

#include <gtest/gtest.h>

namespace hapair {
namespace {

bool matches(std::string_view pattern, std::string_view text,
             Regex::Case letters = Regex::Case::Matters) {
  const auto regex = Regex::compile(pattern, letters);
  EXPECT_TRUE(regex) << pattern;
  return regex && regex->matches(text);
}

TEST(Regex, MatchesAnywhereUnlessItIsTiedToTheEnds) {
  EXPECT_TRUE(matches("adm", "/admin"));
  EXPECT_FALSE(matches("^adm", "/admin"));
  EXPECT_FALSE(matches("adm$", "/admin"));
  EXPECT_TRUE(matches("^/admin$", "/admin"));
}

TEST(Regex, TellsLettersApartUnlessToldOtherwise) {
  EXPECT_FALSE(matches("WWW", "www"));
  EXPECT_TRUE(matches("WWW", "www", Regex::Case::Ignored));
}

TEST(Regex, ADotIsEveryByte) {
  EXPECT_TRUE(matches("^/a.*/b$", "/a\n/b"));
  EXPECT_TRUE(matches("^/a.*/b$", "/a\xff\xc3/b"));
}

TEST(Regex, AnEndIsTheEndOfTheTextAlone) { EXPECT_FALSE(matches("admin$", "admin\nx")); }

TEST(Regex, SaysWhatIsWrongWithAPattern) {
  const auto open = Regex::compile("(a");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().message, "\"(a\" is no regular expression: missing ): (a");
  const auto behind = Regex::compile("(?<=a)b");
  ASSERT_FALSE(behind);
  EXPECT_NE(behind.error().message.find("invalid perl operator"), std::string::npos);
}

TEST(Regex, TakesNoLongerForAPatternThatIsMeantToStall) {
  // A backtracking engine needs 2^30 steps for this.
  EXPECT_FALSE(matches("^(a+)+$", std::string(10000, 'a') + "b"));
}

TEST(Regex, RemembersHowItWasWritten) { EXPECT_EQ(Regex::compile("a|b")->pattern(), "a|b"); }

}  // namespace
}  // namespace hapair
