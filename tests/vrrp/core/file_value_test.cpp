#include "vrrp/core/file_value.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

std::string complaint(std::string_view text) {
  const auto value = parse_file_value(text);
  return value ? "none: " + std::to_string(*value) : value.error().message;
}

Errc refusal(std::string_view text) {
  const auto value = parse_file_value(text);
  return value ? Errc::System : value.error().code;
}

TEST(FileValue, IsAWholeNumber) {
  EXPECT_EQ(parse_file_value("0"), 0);
  EXPECT_EQ(parse_file_value("-50\n"), -50);
  EXPECT_EQ(parse_file_value("+7"), 7);
  EXPECT_EQ(parse_file_value(" \t12 \r\n\n"), 12);
  EXPECT_EQ(parse_file_value("2000"), 2000);
  EXPECT_EQ(parse_file_value("-2000"), -2000);
}

TEST(FileValue, HasLimits) {
  EXPECT_EQ(complaint("2001"), "2001 is not within -2000 to 2000");
  EXPECT_EQ(complaint("-2001"), "-2001 is not within -2000 to 2000");
  EXPECT_EQ(complaint("99999999999999999999"), "\"99999999999999999999\" is no whole number");
}

TEST(FileValue, IsNothingElse) {
  for (const std::string_view text :
       {"x", "1 2", "1.5", "0x10", "--1", "+-1", "-", "+", "1k", "5\n6"})
    EXPECT_EQ(refusal(text), Errc::Syntax) << text;
  EXPECT_EQ(complaint("on\x1b[31m"), "\"on?[31m\" is no whole number")
      << "a terminal is left alone";
  EXPECT_EQ(complaint("a very long line of words"), "\"a very long line of …\" is no whole number");
}

TEST(FileValue, OfAnEmptyFileIsNotThere) {
  for (const std::string_view text : {"", "\n", "  \n"}) EXPECT_EQ(refusal(text), Errc::NotFound);
}

}  // namespace
}  // namespace hapair::vrrp
