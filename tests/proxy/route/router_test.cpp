#include "proxy/route/router.h"

#include <gtest/gtest.h>

#include "proxy/config/loader.h"
#include "proxy/http/h1_decoder.h"

namespace hapair::route {
namespace {

/// A frontend with routes as a file has them; asked with requests as they come in.
class Routes {
 public:
  explicit Routes(const std::string& routes, std::string_view mode = "http") {
    Diagnostics found;
    std::string text = fmt::format(
        "[defaults]\nmode = \"{}\"\ntimeout = {{ client = \"1s\", connect = \"1s\", server = "
        "\"1s\" }}\n"
        "[frontend.web]\nbind = [\"*:80\"]\ndefault_backend = \"rest\"\n{}\n",
        mode, routes);
    for (const char* name : {"one", "two", "three", "rest"})
      text += fmt::format(
          "[backend.{0}]\n[[backend.{0}.server]]\nname = \"s\"\naddress = \"10.0.0.1:80\"\n", name);
    const auto config = proxy::load_config(parse_document(text, "t.toml", "", found), found);
    EXPECT_TRUE(config) << found.to_string();
    if (config) config_ = *config;
  }

  /// The backend of the first route that matches; "-": none; "?": the path has no safe reading.
  std::string of_connection(std::string_view source, std::string_view destination,
                            const http::RequestHead* request = nullptr) const {
    const Router router(config_.frontends.at(0).routes);
    const SocketAddress from = *SocketAddress::parse(source), to = *SocketAddress::parse(destination);
    const Verdict verdict =
        router.choose({.request = request, .source = &from, .destination = &to});
    if (verdict.ambiguous_path) return "?";
    if (!verdict.route) return "-";
    return std::get<proxy::UseBackend>(verdict.route->action).name;
  }

  std::string of(std::string_view line, std::string_view fields = "",
                 std::string_view host = "www.example.org",
                 std::string_view source = "192.0.2.1:4000",
                 std::string_view destination = "192.0.2.80:80") const {
    const std::string bytes =
        fmt::format("{} HTTP/1.1\r\nHost: {}\r\n{}\r\n", line, host, fields);
    http::RequestHead head;
    EXPECT_EQ(http::parse_request_head(bytes, head).status, http::HeadStatus::Complete) << bytes;
    return of_connection(source, destination, &head);
  }

 private:
  proxy::Config config_;
};

std::string route(std::string_view when, std::string_view backend = "one") {
  return fmt::format("[[frontend.web.route]]\n{}{}\nbackend = \"{}\"\n",
                     when.empty() ? "" : "when = ", when, backend);
}

TEST(Router, TheFirstThatMatchesWins) {
  const Routes routes(route(R"({ path_prefix = "/a" })", "one") +
                      route(R"({ path_prefix = "/a/b" })", "two") +
                      route(R"({ path_prefix = "/c" })", "three"));
  EXPECT_EQ(routes.of("GET /a/b"), "one");
  EXPECT_EQ(routes.of("GET /c"), "three");
  EXPECT_EQ(routes.of("GET /d"), "-");
}

TEST(Router, WithoutWhenEverythingMatches) {
  EXPECT_EQ(Routes(route("", "two")).of("OPTIONS *"), "two");
}

TEST(Router, AListMeansAny) {
  const Routes routes(route(R"({ path_suffix = [".jpg", ".png"] })"));
  EXPECT_EQ(routes.of("GET /tux.jpg"), "one");
  EXPECT_EQ(routes.of("GET /x/tux.png?v=2"), "one");
  EXPECT_EQ(routes.of("GET /tux.gif"), "-");
  EXPECT_EQ(routes.of("GET /?file=tux.jpg"), "-");
}

TEST(Router, AllKeysMustMatch) {
  const Routes routes(route(R"({ method = "POST", path_prefix = "/up", path_suffix = ".jpg" })"));
  EXPECT_EQ(routes.of("POST /up/tux.jpg"), "one");
  EXPECT_EQ(routes.of("GET /up/tux.jpg"), "-");
  EXPECT_EQ(routes.of("POST /up/tux.png"), "-");
  EXPECT_EQ(routes.of("POST /tux.jpg"), "-");
}

TEST(Router, AListOfTablesMeansAnyOfThem) {
  const Routes routes(route(R"([{ path = "/a", method = "GET" }, { host = "b.example" }])"));
  EXPECT_EQ(routes.of("GET /a"), "one");
  EXPECT_EQ(routes.of("PUT /a"), "-");
  EXPECT_EQ(routes.of("PUT /z", "", "b.example"), "one");
}

TEST(Router, NotExcludesWhatMatchesAllOfItsKeys) {
  const Routes one(route(R"({ path_prefix = "/a", not = { method = ["GET", "HEAD"], path = "/a/b" } })"));
  EXPECT_EQ(one.of("GET /a/b"), "-");
  EXPECT_EQ(one.of("POST /a/b"), "one");
  EXPECT_EQ(one.of("GET /a/c"), "one");
  const Routes several(route(R"({ not = [{ method = "GET" }, { path = "/x" }] })"));
  EXPECT_EQ(several.of("GET /y"), "-");
  EXPECT_EQ(several.of("PUT /x"), "-");
  EXPECT_EQ(several.of("PUT /y"), "one");
}

TEST(Router, ANotInsideANotIsAYes) {
  const Routes routes(
      route(R"({ not = { path_prefix = "/in", not = { path_prefix = "/in/open" } } })"));
  EXPECT_EQ(routes.of("GET /out"), "one");
  EXPECT_EQ(routes.of("GET /in/shut"), "-");
  EXPECT_EQ(routes.of("GET /in/open/x"), "one");
}

TEST(Router, AHostHasNoPortAndNoCase) {
  const Routes routes(route(R"({ host = ["WWW.example.org", "*.cdn.example", "[2001:db8::1]"] })"));
  for (const char* host : {"www.example.org", "www.EXAMPLE.org:8080", "www.example.org.",
                           "a.cdn.example", "A.b.CDN.example:1", "[2001:db8::1]:80"})
    EXPECT_EQ(routes.of("GET /", "", host), "one") << host;
  for (const char* host : {"example.org", "cdn.example", "xcdn.example", "www.example.org.evil.com",
                           "[2001:db8::2]:80", ""})
    EXPECT_EQ(routes.of("GET /", "", host), "-") << host;
}

TEST(Router, AHostOfAnAbsoluteTargetCounts) {
  const Routes routes(route(R"({ host = "www.example.org", path = "/a" })"));
  EXPECT_EQ(routes.of("GET http://www.example.org/a"), "one");
}

TEST(Router, RegularExpressionsAreRe2s) {
  const Routes routes(route(R"-({ path_regex = "^/v[0-9]+/(users|groups)(/|$)" })-", "one") +
                      route(R"({ host_regex = "^api-\\d\\." })", "two"));
  EXPECT_EQ(routes.of("GET /v12/users/7"), "one");
  EXPECT_EQ(routes.of("GET /v12/usersx"), "-");
  EXPECT_EQ(routes.of("GET /", "", "API-7.example.org"), "two");
}

TEST(Router, APathIsComparedInItsNormalForm) {
  const Routes routes(route(R"({ path_prefix = "/admin" })"));
  for (const char* target : {"/admin", "/%61dmin", "//admin", "/./admin", "/x/../admin", "/\\admin",
                             "/%2fadmin", "/;a/admin", "/x/%2e./admin/y", "http://www.example.org//admin"})
    EXPECT_EQ(routes.of(fmt::format("GET {}", target)), "one") << target;
  EXPECT_EQ(routes.of("GET /Admin"), "-");
}

TEST(Router, APathWithoutASafeReadingIsNobodys) {
  const Routes routes(route(R"({ method = "PUT", path_prefix = "/a" })", "one") +
                      route(R"({ not = { path = "/x" } })", "two"));
  EXPECT_EQ(routes.of("GET /a%2f..%2fx"), "?");
  EXPECT_EQ(routes.of("PUT /%zz"), "?");
  EXPECT_EQ(Routes(route(R"({ method = "GET" })")).of("GET /%zz"), "one") << "nobody asked for it";
}

TEST(Router, HeadersByValuePresenceAndAbsence) {
  const Routes routes(route(R"({ header = { X-Mode = ["a", "b"] } })", "one") +
                      route(R"({ header = { X-Way = { prefix = "in", suffix = "out" } } })", "two") +
                      route(R"({ header = { X-New = true, X-Old = false } })", "three"));
  EXPECT_EQ(routes.of("GET /", "x-mode: b\r\n"), "one");
  EXPECT_EQ(routes.of("GET /", "X-Mode: c\r\nX-MODE: a\r\n"), "one") << "any line of that name";
  EXPECT_EQ(routes.of("GET /", "X-Mode: B\r\n"), "-");
  EXPECT_EQ(routes.of("GET /", "X-Way: in and out\r\n"), "two");
  EXPECT_EQ(routes.of("GET /", "X-Way: in\r\n"), "-");
  EXPECT_EQ(routes.of("GET /", "X-New:\r\n"), "three");
  EXPECT_EQ(routes.of("GET /", "X-New: 1\r\nX-Old: 1\r\n"), "-");
}

TEST(Router, CookiesByNameWhereverTheyStand) {
  const Routes routes(route(R"({ cookie = { beta = "on" } })", "one") +
                      route(R"({ cookie = { id = { regex = "^7" } } })", "two"));
  EXPECT_EQ(routes.of("GET /", "Cookie: a=b; beta=on\r\n"), "one");
  EXPECT_EQ(routes.of("GET /", "Cookie: a=b\r\nCookie: beta=\"on\"; c\r\n"), "one");
  EXPECT_EQ(routes.of("GET /", "Cookie: xbeta=on; beta=off\r\n"), "-");
  EXPECT_EQ(routes.of("GET /", "Cookie: id=71\r\n"), "two");
}

TEST(Router, QueryParametersDecoded) {
  const Routes routes(route(R"({ query = { id = "7 b", "a b" = true } })", "one") +
                      route(R"({ query = { x = { contains = "&" } } })", "two"));
  EXPECT_EQ(routes.of("GET /?id=7+b&a%20b"), "one");
  EXPECT_EQ(routes.of("GET /?id=7%20b&a+b=0"), "one");
  EXPECT_EQ(routes.of("GET /?id=1&id=7+b&a+b"), "one") << "any of that name";
  EXPECT_EQ(routes.of("GET /?id=7+b"), "-");
  EXPECT_EQ(routes.of("GET /id=7+b"), "-");
  EXPECT_EQ(routes.of("GET /?x=a%26b"), "two");
  EXPECT_EQ(routes.of("GET /?x=a&b"), "-");
}

TEST(Router, NetworksAndPorts) {
  const Routes routes(
      route(R"({ source = ["10.0.0.0/8", "2001:db8::/32"], destination_port = 80 })", "one") +
      route(R"({ destination = "192.0.2.81", source_port = [7, "4000-4009"] })", "two"));
  EXPECT_EQ(routes.of("GET /", "", "a", "10.9.8.7:1"), "one");
  EXPECT_EQ(routes.of("GET /", "", "a", "[2001:db8::7]:1"), "one");
  EXPECT_EQ(routes.of("GET /", "", "a", "11.0.0.1:1"), "-");
  EXPECT_EQ(routes.of("GET /", "", "a", "10.9.8.7:1", "192.0.2.80:81"), "-");
  EXPECT_EQ(routes.of("GET /", "", "a", "11.0.0.1:4009", "192.0.2.81:80"), "two");
  EXPECT_EQ(routes.of("GET /", "", "a", "11.0.0.1:4010", "192.0.2.81:80"), "-");
}

TEST(Router, ATcpConnectionHasAddressesAlone) {
  const Routes routes(route(R"({ source = "10.0.0.0/8" })", "one") +
                          route(R"({ not = { destination_port = 443 } })", "two"),
                      "tcp");
  EXPECT_EQ(routes.of_connection("10.1.1.1:5", "192.0.2.1:443"), "one");
  EXPECT_EQ(routes.of_connection("11.1.1.1:5", "192.0.2.1:80"), "two");
  EXPECT_EQ(routes.of_connection("11.1.1.1:5", "192.0.2.1:443"), "-");
}

TEST(Router, AsksForTheDestinationOnlyIfARouteDoes) {
  proxy::RouteTest port{.subject = proxy::RouteTest::Subject::DestinationPort, .ports = {{1, 2}}};
  proxy::RouteTest path{.subject = proxy::RouteTest::Subject::Path};
  const std::vector<proxy::Route> without = {{.when = {{.all = {path}}}, .action = {}}};
  const std::vector<proxy::Route> within = {
      {.when = {{.all = {path}, .none = {{.all = {port}}}}}, .action = {}}};
  EXPECT_FALSE(Router(without).needs_destination());
  EXPECT_TRUE(Router(within).needs_destination());
}

}  // namespace
}  // namespace hapair::route
