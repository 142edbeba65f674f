#include "proxy/exchange/page.h"

#include <gtest/gtest.h>

#include "proxy/exchange/redirect.h"
#include "proxy/http/h1_decoder.h"

namespace hapair::exchange {
namespace {

TEST(Page, IsWrittenInEveryShape) {
  const Page page({.status = 418, .fields = {{"content-type", "text/x-tea"}}, .body = "stout"});
  EXPECT_EQ(page.bytes({}),
            "HTTP/1.1 418 I'm a teapot\r\ncontent-length: 5\r\ncontent-type: text/x-tea\r\n\r\nstout");
  EXPECT_EQ(page.bytes({.head = true}),
            "HTTP/1.1 418 I'm a teapot\r\ncontent-length: 5\r\ncontent-type: text/x-tea\r\n\r\n");
  EXPECT_EQ(page.bytes({.close = true}),
            "HTTP/1.1 418 I'm a teapot\r\ncontent-length: 5\r\ncontent-type: text/x-tea\r\n"
            "connection: close\r\n\r\nstout");
}

TEST(Page, SaysNoLengthWhereThereIsNoBody) {
  EXPECT_EQ(Page({.status = 204}).bytes({}), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(Page, KeepsTheWordsOfAFile) {
  EXPECT_TRUE(Page({.status = 503, .reason = "Gone Fishing"})
                  .bytes({})
                  .starts_with("HTTP/1.1 503 Gone Fishing\r\n"));
}

TEST(ErrorPages, HasThoseOfTheConfigurationAlone) {
  const ErrorPages pages(proxy::ErrorFiles{{503, {.status = 500, .body = "x"}}});
  ASSERT_TRUE(pages.find(503));
  EXPECT_EQ(pages.find(503)->status(), 500);
  EXPECT_FALSE(pages.find(500));
}

TEST(Answers, EveryDenialHasAPageOfItsOwn) {
  for (const int status : proxy::kDenialStatuses)
    EXPECT_TRUE(answer(status).starts_with(fmt::format("HTTP/1.1 {} ", status))) << status;
}

/// The Location, or "-".
std::string location(const proxy::Redirect& to, std::string_view target,
                     std::string_view host = "www.example.org:8080") {
  const std::string bytes = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", target, host);
  http::RequestHead head;
  if (http::parse_request_head(bytes, head).status != http::HeadStatus::Complete) return "!";
  const auto response = redirect(to, head, {});
  if (!response) return "-";
  const auto at = response->find("location: ") + 10;
  return response->substr(at, response->find("\r\n", at) - at);
}

using Kind = proxy::Redirect::Kind;

TEST(Redirect, ToAPlaceAsItIsWritten) {
  EXPECT_EQ(location({Kind::Location, "https://new.example/a?b"}, "/x?y"), "https://new.example/a?b");
}

TEST(Redirect, ToAnotherSchemeOfTheSameHost) {
  EXPECT_EQ(location({Kind::Scheme, "https"}, "/x?y=%20z"), "https://www.example.org/x?y=%20z");
  EXPECT_EQ(location({.kind = Kind::Scheme, .text = "https", .port = 8443}, "/"),
            "https://www.example.org:8443/");
  EXPECT_EQ(location({Kind::Scheme, "https"}, "/a", "[2001:db8::1]:80"), "https://[2001:db8::1]/a");
  EXPECT_EQ(location({Kind::Scheme, "https"}, "/a", ""), "-");
}

TEST(Redirect, ToAPrefixOfTheSamePath) {
  EXPECT_EQ(location({Kind::Prefix, "https://new.example"}, "/x?y"), "https://new.example/x?y");
  EXPECT_EQ(location({Kind::Prefix, "https://new.example/"}, "/x"), "https://new.example/x");
  EXPECT_EQ(location({Kind::Prefix, "/new"}, "/x"), "/new/x");
  EXPECT_EQ(location({.kind = Kind::Prefix, .text = "/new", .drop_query = true}, "/x?y"), "/new/x");
}

TEST(Redirect, TheClientDoesNotChooseTheHost) {
  for (const char* target : {"//evil.example/x", "///evil.example/x", "/\\evil.example/x",
                             "/\\/evil.example/x"})
    EXPECT_EQ(location({Kind::Prefix, "/"}, target), "/evil.example/x") << target;
  EXPECT_EQ(location({Kind::Prefix, "/"}, "/"), "/");
}

TEST(Redirect, IsAWholeResponse) {
  http::RequestHead head;
  const std::string bytes = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
  http::parse_request_head(bytes, head);
  EXPECT_EQ(redirect({Kind::Location, "/y"}, head, {}),
            "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: /y\r\ncache-control: "
            "no-cache\r\n\r\n");
  EXPECT_EQ(redirect({.kind = Kind::Location, .text = "/y", .status = 308}, head, {.close = true}),
            "HTTP/1.1 308 Permanent Redirect\r\ncontent-length: 0\r\nlocation: /y\r\nconnection: "
            "close\r\n\r\n");
}

}  // namespace
}  // namespace hapair::exchange
