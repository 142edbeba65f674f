#include "proxy/exchange/captured_cookie.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proxy/http/h1_decoder.h"

namespace hapair::exchange {
namespace {

using proxy::CookieCapture;

std::string of_request(const CookieCapture& wanted, std::string_view fields) {
  const std::string text = fmt::format("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", fields);
  http::RequestHead head;
  EXPECT_EQ(http::parse_request_head(text, head).status, http::HeadStatus::Complete) << fields;
  CapturedCookie cookie;
  cookie.take_request(wanted, head.fields);
  return std::string(cookie.text());
}

std::string of_response(const CookieCapture& wanted, std::string_view fields) {
  const std::string text = fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", fields);
  http::ResponseHead head;
  EXPECT_EQ(http::parse_response_head(text, head).status, http::HeadStatus::Complete) << fields;
  CapturedCookie cookie;
  cookie.take_response(wanted, head.fields);
  return std::string(cookie.text());
}

// What HAProxy 2.6.12 was seen to log for `capture cookie SID len 12` and `SID= len 63`.
const CookieCapture kBegins{.name = "SID", .length = 12};
const CookieCapture kWhole{.name = "SID", .whole = true, .length = 63};

TEST(CapturedCookie, IsTheFirstOfItsName) {
  constexpr std::string_view fields = "Cookie: x=1; SID=abcdefghijklmnop; SID=two\r\n";
  EXPECT_EQ(of_request(kBegins, fields), "SID=abcdefgh");
  EXPECT_EQ(of_request(kWhole, fields), "SID=abcdefghijklmnop");
}

TEST(CapturedCookie, ANameMayBeABeginning) {
  constexpr std::string_view fields = "Cookie: SIDlong=abc; SID=two\r\n";
  EXPECT_EQ(of_request(kBegins, fields), "SIDlong=abc");
  EXPECT_EQ(of_request(kWhole, fields), "SID=two");
}

TEST(CapturedCookie, OthersAreNotIt) {
  for (const std::string_view fields :
       {"Cookie: ASID=1; sid=2\r\n", "Cookie: SID\r\n", "X-Cookie: SID=1\r\n", ""})
    EXPECT_EQ(of_request(kBegins, fields), "") << fields;
}

TEST(CapturedCookie, MayStandInAnyFieldWithBlanksAroundIt) {
  EXPECT_EQ(of_request(kBegins, "Cookie: a=1\r\nCookie: SID = x ; y=1\r\n"), "SID=x");
}

TEST(CapturedCookie, OfAResponseIsTheOneThatIsSet) {
  constexpr std::string_view two =
      "Set-Cookie: SIDX=first; path=/\r\nSet-Cookie: SID=second; path=/\r\n";
  EXPECT_EQ(of_response(kBegins, two), "SIDX=first");
  EXPECT_EQ(of_response(kWhole, two), "SID=second");
  EXPECT_EQ(of_response(kWhole, "set-cookie:   SID = x ; path=/\r\n"), "SID=x");
  EXPECT_EQ(of_response(kWhole, "Set-Cookie: other=1; SID=2\r\n"), "");
}

TEST(CapturedCookie, ALongNameIsCutToo) {
  EXPECT_EQ(of_request({.name = "S", .length = 4}, "Cookie: SESSION=1\r\n"), "SESS");
}

TEST(CapturedCookie, ForgetsTheOneBefore) {
  CapturedCookie cookie;
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nCookie: SID=1\r\n\r\n";
  http::RequestHead head;
  ASSERT_EQ(http::parse_request_head(text, head).status, http::HeadStatus::Complete);
  cookie.take_request(kWhole, head.fields);
  EXPECT_EQ(cookie.text(), "SID=1");
  cookie.take_request({.name = "none"}, head.fields);
  EXPECT_EQ(cookie.text(), "");
}

}  // namespace
}  // namespace hapair::exchange
