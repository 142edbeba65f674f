#include "proxy/http/cookie.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_encoder.h"

namespace hapair::http {
namespace {

/// The fields a server gets when every cookie "S" is taken out of these.
std::string without_s(const std::string& fields) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "X: y\r\n\r\n";
  RequestHead head;
  EXPECT_EQ(parse_request_head(bytes, head).status, HeadStatus::Complete) << fields;
  FieldCuts cuts;
  for (const Field& field : head.fields) {
    if (!is_cookie(field)) continue;
    CookieWalk walk(field, cuts);
    while (const CookiePair* pair = walk.next())
      if (pair->name == "S") walk.remove();
  }
  std::string out(bytes.size() + kEncoderRoom, 0);
  RequestEdits edits;
  edits.cuts = &cuts;
  out.resize(encode_request_head(head, edits, out.data()));
  const auto begin = out.find("Host: a\r\n") + 9;
  return out.substr(begin, out.find("X: y") - begin);
}

TEST(CookieWalk, TakesACookieOutAndLeavesTheOthersAsTheyAre) {
  EXPECT_EQ(without_s("Cookie: a=1; S=x; b=2\r\n"), "Cookie: a=1; b=2\r\n");
  EXPECT_EQ(without_s("Cookie: S=x; a=1\r\n"), "Cookie: a=1\r\n");
  EXPECT_EQ(without_s("Cookie: a=1; S=x\r\n"), "Cookie: a=1\r\n");
  EXPECT_EQ(without_s("Cookie: a=1;S=x;b=2\r\n"), "Cookie: a=1;b=2\r\n");
  EXPECT_EQ(without_s("Cookie:a=1 ;  S = x ; b=\"2\"\r\n"), "Cookie:a=1 ;  b=\"2\"\r\n");
}

TEST(CookieWalk, TakesTheFieldOutWhenNothingStays) {
  EXPECT_EQ(without_s("Cookie: S=x\r\n"), "");
  EXPECT_EQ(without_s("Cookie: S=x;\r\n"), "");
  EXPECT_EQ(without_s("Cookie: S=x; S=y ; S\t=\t \r\n"), "");
  EXPECT_EQ(without_s("A: b\r\ncookie:  S=x  \r\nC: d\r\n"), "A: b\r\nC: d\r\n");
}

TEST(CookieWalk, TakesEveryOneOfThatNameAndNoOther) {
  EXPECT_EQ(without_s("Cookie: S=1; a=1; S=2; S=3; b=2; S=4\r\n"), "Cookie: a=1; b=2\r\n");
  EXPECT_EQ(without_s("Cookie: S=1\r\nCookie: a=1; S=2\r\n"), "Cookie: a=1\r\n");
  const std::string others = "Cookie: s=1; SS=2; S; \"S\"=3; =S; $S=4; a=S=5\r\n";
  EXPECT_EQ(without_s(others), others);
  EXPECT_EQ(without_s("X-Cookie: S=1\r\nCookies: S=1\r\n"), "X-Cookie: S=1\r\nCookies: S=1\r\n");
}

TEST(CookieWalk, ASemicolonSeparatesAlsoBetweenQuotes) {
  EXPECT_EQ(without_s("Cookie: a=\"1; S=x; b=2\"\r\n"), "Cookie: a=\"1; b=2\"\r\n");
}

TEST(CookieWalk, LeavesASeparatorThatWasThereBefore) {
  EXPECT_EQ(without_s("Cookie: ; S=x; b=2;; c=3;\r\n"), "Cookie: ; b=2;; c=3;\r\n");
  EXPECT_EQ(without_s("Cookie:\r\n"), "Cookie:\r\n");
}

TEST(CookieWalk, MoreThanItCanHoldStay) {
  std::string cookies = "Cookie: S=0", rest;
  for (int i = 1; i < 40; ++i) cookies += "; a=1; S=0";
  const std::string out = without_s(cookies + "\r\n");
  std::size_t left = 0;
  for (auto at = out.find("S=0"); at != out.npos; at = out.find("S=0", at + 1)) ++left;
  EXPECT_EQ(left, 40 - FieldCuts::kMost);
}

TEST(SetCookie, IsTheFirstPair) {
  const auto pair = [](std::string_view value) {
    const CookiePair found = set_cookie_pair({"Set-Cookie", value, FieldId::Other});
    return std::string(found.name) + "|" + std::string(found.value);
  };
  EXPECT_EQ(pair("S=1; path=/; S=2"), "S|1");
  EXPECT_EQ(pair("S = 1 ;path=/"), "S|1");
  EXPECT_EQ(pair("S="), "S|");
  EXPECT_EQ(pair("S"), "|S");
  EXPECT_EQ(pair("a=b=c"), "a|b=c");
}

TEST(FieldCuts, ChangeWhatIsEncodedAndNothingElse) {
  const std::string bytes =
      "HTTP/1.1 200 OK\r\nSet-Cookie: S=1; path=/\r\nConnection: x-gone\r\nX-Gone: 1\r\n"
      "Set-Cookie: T=2\r\n\r\n";
  ResponseHead head;
  ASSERT_EQ(parse_response_head(bytes, head).status, HeadStatus::Complete);
  const Field* first = head.fields.begin();
  FieldCuts cuts;
  cuts.add(set_cookie_pair(first[0]).value.substr(0, 0), "A~");
  cuts.add(first[2].value, "not to be seen");  // Connection drops that field
  cuts.add(line_of(first[3]));
  std::string out(bytes.size() + kEncoderRoom, 0);
  ResponseEdits edits;
  edits.cuts = &cuts;
  edits.add_lines = "a: b\r\n";
  out.resize(encode_response_head(head, edits, out.data()));
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nSet-Cookie: S=A~1; path=/\r\na: b\r\n\r\n");
}

}  // namespace
}  // namespace hapair::http
