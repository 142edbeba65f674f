#include "proxy/exchange/balance_key.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/http/h1_decoder.h"

namespace hapair::exchange {
namespace {

using proxy::BalanceKey;
using Kind = BalanceKey::Kind;
using Function = proxy::Balance::HashFunction;

const KeyHash kHash{Function::SipHash, ""};
const IpAddress kClient = IpAddress::v4(0xc0a83201);  // 192.168.50.1

/// A request's key; "GET /a?b HTTP/1.1" is written "/a?b", fields as "Name: value\r\n".
std::optional<std::uint64_t> key(const BalanceKey& wanted, std::string_view target,
                                 std::string_view fields = "", std::string_view body = "",
                                 std::string_view method = "GET") {
  const std::string bytes = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\n" +
                            (std::string(fields).find("Host:") == std::string::npos ? "Host: h\r\n" : "") +
                            std::string(fields) + "\r\n";
  http::RequestHead head;
  EXPECT_EQ(http::parse_request_head(bytes, head).status, http::HeadStatus::Complete) << bytes;
  return balance_key(wanted, kHash, kClient, head, body);
}

std::optional<std::uint64_t> hash(std::string_view text) { return kHash.of(text); }

TEST(BalanceKey, TakesTheUriUpToItsQuery) {
  const BalanceKey uri{.kind = Kind::Uri};
  EXPECT_EQ(key(uri, "/a/b?c=1"), hash("/a/b"));
  EXPECT_EQ(key(uri, "/a/b"), hash("/a/b"));
  EXPECT_EQ(key(uri, "http://h/a?b"), hash("http://h/a"));
  EXPECT_EQ(key({.kind = Kind::Uri, .whole = true}, "/a/b?c=1"), hash("/a/b?c=1"));
  EXPECT_EQ(key({.kind = Kind::Path}, "http://h/a?b"), hash("/a"));
}

TEST(BalanceKey, StopsAtLengthOrDepthWhicheverComesFirst) {
  EXPECT_EQ(key({.kind = Kind::Uri, .length = 4}, "/abcdef"), hash("/abc"));
  EXPECT_EQ(key({.kind = Kind::Uri, .length = 40}, "/abcdef"), hash("/abcdef"));
  EXPECT_EQ(key({.kind = Kind::Uri, .depth = 1}, "/a/b/c"), hash("/a"));
  EXPECT_EQ(key({.kind = Kind::Uri, .depth = 2}, "/a/b/c"), hash("/a/b"));
  EXPECT_EQ(key({.kind = Kind::Uri, .depth = 9}, "/a/b/c"), hash("/a/b/c"));
  EXPECT_EQ(key({.kind = Kind::Uri, .length = 3, .depth = 2}, "/a/b/c"), hash("/a/"));
  EXPECT_EQ(key({.kind = Kind::Uri, .length = 9, .depth = 1}, "/a/b/c"), hash("/a"));
}

TEST(BalanceKey, FindsAParameterOfTheQuery) {
  const BalanceKey id{.kind = Kind::Query, .name = "id"};
  EXPECT_EQ(key(id, "/?id=7"), hash("7"));
  EXPECT_EQ(key(id, "/?a=1&id=7&b=2"), hash("7"));
  EXPECT_EQ(key(id, "/?xid=1&id=7"), hash("7"));
  EXPECT_EQ(key(id, "/?id=7&id=8"), hash("7"));
  for (const char* target : {"/", "/?", "/?id", "/?id=", "/?idx=7", "/id=7"})
    EXPECT_EQ(key(id, target), std::nullopt) << target;
}

TEST(BalanceKey, LooksIntoAPostsBodyWhereThatIsAskedFor) {
  const BalanceKey query{.kind = Kind::Query, .name = "id"};
  const BalanceKey post{.kind = Kind::Query, .name = "id", .check_post = true};
  const char* length = "Content-Length: 9\r\n";
  EXPECT_EQ(key(post, "/", length, "a=1&id=77", "POST"), hash("77"));
  EXPECT_EQ(key(post, "/?id=5", length, "a=1&id=77", "POST"), hash("5"));
  EXPECT_EQ(key(query, "/", length, "a=1&id=77", "POST"), std::nullopt);
  EXPECT_EQ(key(post, "/", length, "a=1&id=77", "PUT"), std::nullopt);
}

TEST(BalanceKey, WaitsOnlyForABodyThatMayHoldIt) {
  const BalanceKey post{.kind = Kind::Query, .name = "id", .check_post = true};
  const auto waits = [&](const BalanceKey& wanted, std::string_view line, std::string_view fields) {
    const std::string bytes = std::string(line) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
    http::RequestHead head;
    EXPECT_EQ(http::parse_request_head(bytes, head).status, http::HeadStatus::Complete);
    return wants_body(wanted, head);
  };
  EXPECT_TRUE(waits(post, "POST /", "Content-Length: 9\r\n"));
  EXPECT_TRUE(waits(post, "POST /", "Transfer-Encoding: chunked\r\n"));
  EXPECT_FALSE(waits(post, "POST /?id=1", "Content-Length: 9\r\n"));
  EXPECT_FALSE(waits(post, "PUT /", "Content-Length: 9\r\n"));
  EXPECT_FALSE(waits(post, "POST /", ""));
  EXPECT_FALSE(waits({.kind = Kind::Query, .name = "id"}, "POST /", "Content-Length: 9\r\n"));
}

TEST(BalanceKey, TakesAFieldWholeOrOneElementOfIt) {
  const char* two = "X-Tenant: a, b\r\nx-tenant: c\r\n";
  const auto element = [&](int which) {
    return key({.kind = Kind::Header, .name = "X-Tenant", .occurrence = which}, "/", two);
  };
  EXPECT_EQ(element(0), hash("a, b"));
  EXPECT_EQ(element(1), hash("a"));
  EXPECT_EQ(element(2), hash("b"));
  EXPECT_EQ(element(3), hash("c"));
  EXPECT_EQ(element(-1), hash("c"));
  EXPECT_EQ(element(-3), hash("a"));
  EXPECT_EQ(element(4), std::nullopt);
  EXPECT_EQ(element(-4), std::nullopt);
  EXPECT_EQ(key({.kind = Kind::Header, .name = "X-Other"}, "/", two), std::nullopt);
  EXPECT_EQ(key({.kind = Kind::Header, .name = "X-Empty"}, "/", "X-Empty:\r\n"), std::nullopt);
}

TEST(BalanceKey, TakesAHostInEitherCaseAndItsDomainAlone) {
  const BalanceKey host{.kind = Kind::Header, .name = "Host"};
  EXPECT_EQ(key(host, "/", "Host: WWW.Example.com\r\n"), hash("www.example.com"));
  const BalanceKey domain{.kind = Kind::Header, .name = "Host", .domain_only = true};
  for (const char* name : {"www.example.com", "EXAMPLE.org:80", "a.b.example.net."})
    EXPECT_EQ(key(domain, "/", "Host: " + std::string(name) + "\r\n"), hash("example")) << name;
  EXPECT_EQ(key(domain, "/", "Host: localhost:8080\r\n"), hash("localhost"));
  EXPECT_EQ(key(domain, "/", "Host: [::1]:80\r\n"), hash("[::1]:80"));
}

TEST(BalanceKey, ReadsAFieldAsAnAddressAndItsNetwork) {
  const auto visitor = [](std::string_view value, unsigned mask = 32, unsigned mask6 = 128, int which = -1) {
    return key({.kind = Kind::HeaderAddress,
                .name = "X-Forwarded-For",
                .occurrence = which,
                .mask = mask,
                .mask6 = mask6},
               "/", "X-Forwarded-For: " + std::string(value) + "\r\n");
  };
  const auto address = [](std::string_view text) {
    return kHash.of(*IpAddress::parse(text), 32, 128);
  };
  EXPECT_EQ(visitor("10.1.2.3"), address("10.1.2.3"));
  EXPECT_EQ(visitor("9.9.9.9, 10.1.2.3"), address("10.1.2.3"));
  EXPECT_EQ(visitor("9.9.9.9, 10.1.2.3", 32, 128, 1), address("9.9.9.9"));
  EXPECT_EQ(visitor("10.1.2.3:4711"), address("10.1.2.3"));
  EXPECT_EQ(visitor("10.1.2.3", 24), address("10.1.2.0"));
  EXPECT_EQ(visitor("10.1.2.3", 20), address("10.1.0.0"));
  EXPECT_EQ(visitor("10.1.2.3", 0), address("0.0.0.0"));
  EXPECT_EQ(visitor("2001:db8:1:2::5", 24, 64), address("2001:db8:1:2::"));
  EXPECT_EQ(visitor("[2001:db8::5]:80"), address("2001:db8::5"));
  EXPECT_EQ(visitor("::ffff:10.1.2.3", 24), address("10.1.2.0"));
  EXPECT_EQ(visitor("unknown"), std::nullopt);
}

TEST(BalanceKey, FindsACookie) {
  const BalanceKey id{.kind = Kind::Cookie, .name = "id"};
  EXPECT_EQ(key(id, "/", "Cookie: a=1; id=7; b=2\r\n"), hash("7"));
  EXPECT_EQ(key(id, "/", "Cookie: a=1\r\nCookie: id=\"7\"\r\n"), hash("7"));
  EXPECT_EQ(key(id, "/", "Cookie: xid=1;id2=3; id=\r\n"), std::nullopt);
  EXPECT_EQ(key(id, "/", ""), std::nullopt);
}

TEST(BalanceKey, IsTheClientsAddressOnAConnectionToo) {
  const BalanceKey source{.kind = Kind::Source, .mask = 24};
  EXPECT_EQ(balance_key(source, kHash, kClient), kHash.of(*IpAddress::parse("192.168.50.0"), 32, 128));
  EXPECT_EQ(key(source, "/"), balance_key(source, kHash, kClient));
  EXPECT_EQ(balance_key({.kind = Kind::Uri}, kHash, kClient), std::nullopt);
}

}  // namespace
}  // namespace hapair::exchange
