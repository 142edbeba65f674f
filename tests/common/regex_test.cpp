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

std::optional<std::size_t> first_end(std::string_view pattern, std::string_view text, bool complete = false) {
  return Regex::compile(pattern)->first_end(text, complete);
}

TEST(Regex, FindsTheEndOfTheFirstMatch) {
  EXPECT_EQ(first_end("b+", "abbbc"), 2U);
  EXPECT_EQ(first_end("b+c", "abbbc"), 5U);
  EXPECT_EQ(first_end("bc|abb", "abbbc"), 3U);
  EXPECT_EQ(first_end("x", "abbbc"), std::nullopt);
  EXPECT_EQ(first_end("x*", "abbbc"), 0U);
  EXPECT_EQ(first_end("", ""), 0U);
}

TEST(Regex, WaitsForWhatMayStillCome) {
  EXPECT_EQ(first_end("ok$", "ok"), std::nullopt);
  EXPECT_EQ(first_end("ok$", "ok", true), 2U);
  EXPECT_EQ(first_end("ok\\b", "ok"), std::nullopt);
  EXPECT_EQ(first_end("ok\\b", "okay"), std::nullopt);
  EXPECT_EQ(first_end("ok\\b", "ok."), 2U);
  EXPECT_EQ(first_end("ok\\b", "ok", true), 2U);
  EXPECT_EQ(first_end("ok\\b|ok\\B", "ok"), 2U);  // one of them will do
  EXPECT_EQ(first_end("(?m)ok$", "ok"), std::nullopt);
  EXPECT_EQ(first_end("(?m)ok$", "ok\n"), 2U);
}

TEST(Regex, FindsTheSameEndHoweverTheTextComes) {
  const std::string_view text = "some words: ok\nand more";
  for (const char* pattern : {"o", "wor.*", "(?m)^.*k$", "ok\\b", "\\Br", "^some$", "more$", "[a-z]+ [a-z]+:", "\\z", ""}) {
    const auto whole = first_end(pattern, text, true);
    std::optional<std::size_t> bytewise;
    for (std::size_t size = 0; size <= text.size() && !bytewise; ++size)
      bytewise = first_end(pattern, text.substr(0, size));
    if (!bytewise) bytewise = first_end(pattern, text, true);
    EXPECT_EQ(bytewise, whole) << pattern;
  }
}

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
