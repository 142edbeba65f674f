// Formats of access lines, compiled.
#include "proxy/config/log_pattern.h"

#include <gtest/gtest.h>

namespace hapair::proxy {
namespace {

LogScope scope() {
  return {
      .http = true, .request_headers = {{"Host"}, {"Referer"}}, .response_headers = {{"Server"}}};
}

LogPattern parsed(std::string_view text, const LogScope& where = scope()) {
  auto pattern = parse_log_pattern(text, where);
  EXPECT_TRUE(pattern) << text << ": " << (pattern ? "" : pattern.error().message);
  return pattern ? *std::move(pattern) : LogPattern{};
}

TEST(LogPattern, IsPiecesOfTextAndVariables) {
  const LogPattern pattern = parsed("a %ci:%cp 100%% %{+Q}r");
  ASSERT_EQ(pattern.pieces.size(), 6U);
  EXPECT_EQ(pattern.pieces[0].text, "a ");
  EXPECT_EQ(pattern.pieces[1].variable, LogVariable::ClientAddress);
  EXPECT_EQ(pattern.pieces[2].text, ":");
  EXPECT_EQ(pattern.pieces[3].variable, LogVariable::ClientPort);
  EXPECT_EQ(pattern.pieces[4].text, " 100% ");
  EXPECT_EQ(pattern.pieces[5].variable, LogVariable::RequestLine);
  EXPECT_TRUE(pattern.pieces[5].quoted);
  EXPECT_FALSE(pattern.pieces[1].quoted);
  EXPECT_FALSE(pattern.json);
}

TEST(LogPattern, FlagsStandForOneVariableOrForAllThatFollow) {
  const LogPattern pattern = parsed("%{+Q,+X}ci%cp%{+E}o%B%{-E,+Q}U%ST");
  ASSERT_EQ(pattern.pieces.size(), 5U);
  EXPECT_TRUE(pattern.pieces[0].quoted);
  EXPECT_TRUE(pattern.pieces[0].hexadecimal);
  EXPECT_FALSE(pattern.pieces[1].quoted || pattern.pieces[1].hexadecimal);
  EXPECT_TRUE(pattern.pieces[2].backslashes);
  EXPECT_FALSE(pattern.pieces[3].backslashes);
  EXPECT_TRUE(pattern.pieces[3].quoted);
  EXPECT_TRUE(pattern.pieces[4].backslashes);
}

TEST(LogPattern, NamesAreReadToTheirEnd) {
  EXPECT_EQ(parsed("%tsc").pieces[0].variable, LogVariable::TerminationWithCookie);
  EXPECT_EQ(parsed("%ts").pieces[0].variable, LogVariable::Termination);
  EXPECT_EQ(parsed("%ts-c").pieces[1].text, "-c");
  EXPECT_EQ(parsed("%T").pieces[0].variable, LogVariable::GmtDate);
}

TEST(LogPattern, CapturedFieldsAreCountedFromZero) {
  const LogPattern pattern = parsed("%[capture.req.hdr(1)]%[capture.res.hdr(0)]%hr");
  ASSERT_EQ(pattern.pieces.size(), 3U);
  EXPECT_EQ(pattern.pieces[0].variable, LogVariable::RequestHeader);
  EXPECT_EQ(pattern.pieces[0].index, 1);
  EXPECT_EQ(pattern.pieces[1].variable, LogVariable::ResponseHeader);
  EXPECT_EQ(pattern.pieces[1].index, 0);
  EXPECT_EQ(pattern.pieces[2].index, 2) << "how many there are";
}

TEST(LogPattern, FieldsThatNobodyCapturesLeaveNoGap) {
  const LogPattern pattern = parsed("%bq %hr %hs %r", LogScope{});
  ASSERT_EQ(pattern.pieces.size(), 3U);
  EXPECT_EQ(pattern.pieces[1].text, " ");
}

TEST(LogPattern, ConnectionsHaveNoRequest) {
  LogScope tcp{.http = false};
  EXPECT_TRUE(parse_log_pattern(kTcpLogFormat, tcp));
  EXPECT_FALSE(parse_log_pattern(kHttpLogFormat, tcp));
  for (const LogPiece& piece : json_log_pattern(tcp).pieces)
    EXPECT_NE(piece.variable, LogVariable::Status);
}

struct Mistake {
  const char* format;
  std::size_t column;
  const char* message;
  const char* hint;
  bool http = true;
};

class LogPatternMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(LogPatternMistakes, AreSaidWithColumnAndRemedy) {
  LogScope where = scope();
  where.http = GetParam().http;
  const auto pattern = parse_log_pattern(GetParam().format, where);
  ASSERT_FALSE(pattern);
  EXPECT_EQ(pattern.error().column, GetParam().column);
  EXPECT_NE(pattern.error().message.find(GetParam().message), std::string::npos)
      << pattern.error().message;
  EXPECT_NE(pattern.error().hint.find(GetParam().hint), std::string::npos) << pattern.error().hint;
}

INSTANTIATE_TEST_SUITE_P(
    All, LogPatternMistakes,
    testing::Values(
        Mistake{"%ci %tscc", 5, "unknown variable \"%tscc\"", "did you mean \"%tsc\"?"},
        Mistake{"%ci %hrr", 5, "unknown variable \"%hrr\"", "did you mean \"%hr\"?"},
        Mistake{"%zzzzzz", 1, "unknown variable \"%zzzzzz\"", "as \"%ci\""},
        Mistake{"100%", 4, "a '%' without a variable", "\"%%\""},
        Mistake{"% ci", 1, "a '%' without a variable", "\"%%\""},
        Mistake{"x %{+Q", 4, "a '{' without '}'", "%{+Q}r"},
        Mistake{"x %{Q}r", 4, "unknown flag \"Q\"", "+Q"},
        Mistake{"x %{+Q,+Z}r", 4, "unknown flag \"+Z\"", "+Q"},
        Mistake{"%[src", 1, "a '[' without ']'", "%[src]"},
        Mistake{"%[req.hdr(Host)]", 1, "%[req.hdr(Host)] is not built", ""},
        Mistake{"%[capture.req.hdr(2)]", 1, "names no captured field", "2 are captured"},
        Mistake{"%[capture.res.hdr(-1)]", 1, "names no captured field", "1 are captured"},
        Mistake{"a\nb", 2, "control byte", ""}, Mistake{"a\x7f", 2, "control byte", ""},
        Mistake{"%ci %ST", 5, "%ST needs mode \"http\"", "", false}));

TEST(LogPattern, WhatIsNotBuiltIsRefusedByName) {
  for (const char* name : {"ID", "sslc", "sslv"}) {
    const auto pattern = parse_log_pattern(std::string("%") + name, scope());
    ASSERT_FALSE(pattern) << name;
    EXPECT_EQ(pattern.error().message, "%" + std::string(name) + " is known, but not built yet");
  }
}

}  // namespace
}  // namespace hapair::proxy
