// What is said of routes, pages and monitors that cannot be meant so.
#include "proxy/config/route.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "proxy/config/loader.h"
#include "proxy/config/named_file.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::string_view kHead =
    "defaults.timeout = { client = \"1s\", connect = \"1s\", server = \"1s\" }\n"
    "[backend.webs]\n[[backend.webs.server]]\nname = \"a\"\naddress = \"10.0.0.1:80\"\n"
    "[backend.streams]\nmode = \"tcp\"\n[[backend.streams.server]]\nname = \"a\"\naddress = "
    "\"10.0.0.1:80\"\n"
    "[frontend.web]\nbind = [\"*:80\"]\n";  // 12 lines

/// "LINE:COLUMN message | hint", a line each, of [frontend.web] with these lines from 13 on.
std::string complaints(const std::string& lines, std::string_view head = kHead) {
  Diagnostics found;
  load_config(parse_document(std::string(head) + lines, "t.toml", "", found), found);
  std::string out;
  for (const Diagnostic& diagnostic : found.sorted())
    out += fmt::format("{}:{} {} | {}\n", diagnostic.where.line, diagnostic.where.column,
                       diagnostic.message, diagnostic.hint);
  return out;
}

std::string of_route(const std::string& lines) {
  return complaints("default_backend = \"webs\"\n[[frontend.web.route]]\n" + lines + "\n");
}

Frontend load(const std::string& lines) {
  Diagnostics found;
  const auto config =
      load_config(parse_document(std::string(kHead) + lines, "t.toml", "", found), found);
  EXPECT_TRUE(config) << found.to_string();
  return config ? config->frontends.at(0) : Frontend{};
}

TEST(RouteConfig, ReadsEveryAction) {
  const Frontend frontend = load(R"(default_backend = "webs"
[[frontend.web.route]]
when = { path = "/a" }
backend = "webs"
[[frontend.web.route]]
when = { path = "/b" }
redirect = { scheme = "https", code = 301, port = 8443, drop_query = true }
[[frontend.web.route]]
when = { path = "/c" }
deny = { status = 429 }
[[frontend.web.route]]
when = { path = "/d" }
deny = true
[[frontend.web.route]]
return = { status = 418, content_type = "text/x-tea", body = "short and stout" }
)");
  ASSERT_EQ(frontend.routes.size(), 5U);
  EXPECT_EQ(std::get<UseBackend>(frontend.routes[0].action).backend, 0);
  const auto& redirect = std::get<Redirect>(frontend.routes[1].action);
  EXPECT_EQ(redirect.kind, Redirect::Kind::Scheme);
  EXPECT_EQ(redirect.status, 301);
  EXPECT_EQ(redirect.port, 8443);
  EXPECT_TRUE(redirect.drop_query);
  EXPECT_EQ(std::get<Deny>(frontend.routes[2].action).status, 429);
  EXPECT_EQ(std::get<Deny>(frontend.routes[3].action).status, 403);
  const auto& page = std::get<FixedAnswer>(frontend.routes[4].action);
  EXPECT_EQ(page.status, 418);
  EXPECT_EQ(page.body, "short and stout");
  EXPECT_EQ(page.fields.at(0).second, "text/x-tea");
  EXPECT_TRUE(frontend.routes[4].when.empty());
}

TEST(RouteConfig, ARouteMayNameABackendBelowIt) {
  const std::string file =
      "[defaults]\ntimeout = { client = \"1s\", connect = \"1s\", server = \"1s\" }\n"
      "[listen.first]\nbind = [\"*:80\"]\n[[listen.first.server]]\nname = \"a\"\naddress = "
      "\"10.0.0.1:80\"\n[[listen.first.route]]\nwhen = { path = \"/x\" }\nbackend = \"second\"\n"
      "[listen.second]\nbind = [\"*:81\"]\n[[listen.second.server]]\nname = \"a\"\naddress = "
      "\"10.0.0.2:80\"\n";
  EXPECT_EQ(complaints("", file), "");
}

TEST(RouteConfig, WithRoutesADefaultBackendMayBeMissing) {
  EXPECT_EQ(complaints("[[frontend.web.route]]\nwhen = { path = \"/\" }\nbackend = \"webs\"\n"), "");
}

TEST(RouteConfig, NamesTheNearestWord) {
  EXPECT_EQ(of_route("when = { path_prefx = \"/a\" }\nbackend = \"webs\""),
            "15:10 unknown key 'path_prefx' in frontend.web.route.when | did you mean "
            "\"path_prefix\"?\n");
  EXPECT_EQ(of_route("when = { path = \"/a\" }\nbackend = \"web\""),
            "16:11 there is no backend \"web\" | did you mean \"webs\"?\n");
}

TEST(RouteConfig, ABackendSpeaksWhatItsFrontendSpeaks) {
  EXPECT_EQ(of_route("backend = \"streams\""),
            "15:11 backend \"streams\" has mode \"tcp\", this frontend mode \"http\" | both need the "
            "same mode\n");
}

TEST(RouteConfig, ARouteHasOneAction) {
  EXPECT_EQ(of_route("when = { path = \"/a\" }"),
            "14:1 a route that leads nowhere | backend = \"NAME\", redirect = { … }, deny = 403 or "
            "return = { … }\n");
  EXPECT_EQ(of_route("backend = \"webs\"\ndeny = 403"),
            "16:8 a route has one action: this has backend and deny | backend = \"NAME\", redirect = "
            "{ … }, deny = 403 or return = { … }\n");
}

TEST(RouteConfig, SaysWhichRouteIsNeverReached) {
  EXPECT_EQ(of_route("backend = \"webs\"\n[[frontend.web.route]]\ndeny = 404"),
            "16:1 never reached: the route above it takes every request | the route on line 14 has no "
            "`when`\n");
}

TEST(RouteConfig, RefusesBadPatternsWhereTheyStand) {
  const auto of = [](const std::string& when) {
    return of_route("when = { " + when + " }\nbackend = \"webs\"");
  };
  EXPECT_EQ(of("path_regex = [\"^/a\", \"(b\"]"),
            "15:31 \"(b\" is no regular expression: missing ): (b | RE2's syntax\n");
  EXPECT_EQ(of("path = \"admin\""),
            "15:17 \"admin\" is no path: one begins with '/' | as it reads when nothing is encoded, "
            "like \"/images/\"\n");
  for (const char* path : {"/a%20b", "/a//b", "/a/../b", "/a?b", "/a;b", "/a\\\\b"})
    EXPECT_NE(of(fmt::format("path = \"{}\"", path)).find("can never match"), std::string::npos)
        << path;
  EXPECT_EQ(of("path_suffix = []"),
            "15:24 an empty list matches nothing | leave the key out to match everything\n");
  EXPECT_EQ(of("path_prefix = \"\""),
            "15:24 an empty text is in every other | as it reads when nothing is encoded, like "
            "\"/images/\"\n");
  EXPECT_EQ(of("host = \"www.example.org:80\""),
            "15:17 \"www.example.org:80\" is not the name of a host (without a port) | as "
            "\"www.example.org\" or \"*.example.org\"\n");
  EXPECT_EQ(of("method = \"get\""),
            "15:19 \"get\": methods are written in capitals, and no other way matches | as \"GET\"\n");
  EXPECT_EQ(of("source = \"10.0.0.0/40\"").substr(0, 6), "15:19 ");
  EXPECT_EQ(of("source_port = \"9-8\""),
            "15:24 source_port is a port from 1 to 65535, or a range | as 8080 or \"8000-8999\"\n");
  EXPECT_EQ(of("header = { \"X Y\" = true }"),
            "15:21 \"X Y\" is not the name of a header field | as \"X-Forwarded-Proto\"\n");
  EXPECT_EQ(of("header = { X = 7 }"),
            "15:25 X must be a text, not a whole number | a text, a list, true, false, or { prefix = "
            "\"…\" }\n");
  EXPECT_EQ(of("not = 7"),
            "15:16 not takes a table, not a whole number | as not = { source = \"10.0.0.0/8\" }\n");
}

TEST(RouteConfig, RefusesBadActions) {
  EXPECT_EQ(of_route("redirect = { code = 301 }"),
            "15:12 a redirect has one of location, prefix and scheme | as { scheme = \"https\", code "
            "= 301 }\n");
  EXPECT_EQ(of_route("redirect = { location = \"/a\", code = 304 }"),
            "15:38 304 is no redirection | 301, 302, 303, 307 or 308\n");
  EXPECT_EQ(of_route("redirect = { location = \"/a\\r\\nb\" }"),
            "15:25 \"/a\r\nb\" is not the location of a URL | as \"https://www.example.org\"\n");
  EXPECT_EQ(of_route("deny = 402"),
            "15:8 there is no page for status 402 | 400, 403, 404, 410, 421, 429, 500, 502, 503, 504; "
            "return = { … } takes any\n");
  EXPECT_EQ(of_route("deny = false"), "15:8 deny is true or a status, not false | deny = 403\n");
  EXPECT_EQ(of_route("return = { status = 204, body = \"x\" }"),
            "15:21 a response with status 204 has no body | leave body and file out\n");
  EXPECT_EQ(of_route("return = { body = \"x\", file = \"y\" }"),
            "15:31 a page has a body or a file, not both | leave one of them out\n");
  EXPECT_EQ(of_route("return = { file = \"/nowhere/x\" }"),
            "15:19 cannot read /nowhere/x: No such file or directory | an absolute path, or one "
            "beside this file\n");
}

TEST(RouteConfig, ATcpFrontendRoutesByAddresses) {
  const std::string head =
      std::string(kHead) + "mode = \"tcp\"\ndefault_backend = \"streams\"\n[[frontend.web.route]]\n";
  EXPECT_EQ(complaints("when = { source = \"10.0.0.0/8\" }\nbackend = \"streams\"\n", head), "");
  EXPECT_EQ(complaints("when = { host = \"a\" }\nbackend = \"streams\"\n", head),
            "16:17 host needs mode \"http\" | a TCP connection has source, source_port, destination "
            "and destination_port\n");
  EXPECT_EQ(complaints("redirect = { location = \"/\" }\n", head),
            "16:12 redirect needs mode \"http\" | a TCP connection has backend and deny\n");
  EXPECT_EQ(complaints("deny = 403\n", head),
            "16:8 a TCP connection is closed without a status | deny = true\n");
}

TEST(MonitorConfig, ReadsWhatMakesItFail) {
  const Frontend frontend = load(
      "default_backend = \"webs\"\nmonitor_uri = \"/ready\"\n"
      "monitor_fail = [\"webs\", { backend = \"streams\", fewer_than = 2 }]\n");
  ASSERT_TRUE(frontend.monitor);
  EXPECT_EQ(frontend.monitor->uri, "/ready");
  ASSERT_EQ(frontend.monitor->fail.size(), 2U);
  EXPECT_EQ(frontend.monitor->fail[0].of.backend, 0);
  EXPECT_EQ(frontend.monitor->fail[0].fewer_than, 1U);
  EXPECT_EQ(frontend.monitor->fail[1].of.backend, 1);
  EXPECT_EQ(frontend.monitor->fail[1].fewer_than, 2U);
}

TEST(MonitorConfig, RefusesWhatCannotBeMeant) {
  const std::string backend = "default_backend = \"webs\"\n";
  EXPECT_EQ(complaints(backend + "monitor_fail = \"webs\"\n"),
            "14:16 nobody could ask: there is no monitor_uri | monitor_uri = \"/ready\"\n");
  EXPECT_EQ(complaints(backend + "monitor_uri = \"ready\"\n"),
            "14:15 \"ready\" is not a path | as \"/ready\"\n");
  EXPECT_EQ(complaints(backend + "monitor_uri = \"/ready\"\nmonitor_fail = \"wbs\"\n"),
            "15:16 there is no backend \"wbs\" | did you mean \"webs\"?\n");
  EXPECT_EQ(complaints(backend + "monitor_uri = \"/ready\"\nmonitor_fail = 7\n"),
            "15:16 monitor_fail names a backend, not a whole number | as \"webs\" or { backend = "
            "\"webs\", fewer_than = 2 }\n");
}

/// Files beside a configuration.
class ErrorFileTest : public ::testing::Test {
 protected:
  ErrorFileTest() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              fmt::format("error_files_{}", ::testing::UnitTest::GetInstance()
                                                ->current_test_info()
                                                ->name());
    std::filesystem::create_directories(folder_);
  }
  ~ErrorFileTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::optional<Config> load(const std::string& pages) {
    const std::string text =
        std::string(kHead) + "default_backend = \"webs\"\nerror_files = " + pages + "\n";
    found_ = Diagnostics{};
    return load_config(parse_document(text, (folder_ / "t.toml").string(), "", found_), found_);
  }
  std::string complaint(const std::string& pages) {
    EXPECT_FALSE(load(pages));
    const auto all = found_.sorted();
    return all.empty() ? "" : all.front().message;
  }

  std::filesystem::path folder_;
  Diagnostics found_;
};

TEST_F(ErrorFileTest, ABodyAloneIsEnough) {
  write("sorry.html", "<h1>sorry</h1>\n");
  const auto config = load(R"({ 503 = "sorry.html" })");
  ASSERT_TRUE(config) << found_.to_string();
  const FixedAnswer& page = config->frontends.at(0).error_files.at(503);
  EXPECT_EQ(page.status, 503);
  EXPECT_EQ(page.body, "<h1>sorry</h1>\n");
  EXPECT_EQ(page.fields.back().second, "text/html");
}

TEST_F(ErrorFileTest, AWholeResponseMaySpeakForItself) {
  write("503.http",
        "HTTP/1.0 500 Broken\nContent-Length: 4\nConnection: close\nX-Who: me\n\noops");
  const auto config = load(R"({ 503 = "503.http" })");
  ASSERT_TRUE(config) << found_.to_string();
  const FixedAnswer& page = config->frontends.at(0).error_files.at(503);
  EXPECT_EQ(page.status, 500);
  EXPECT_EQ(page.reason, "Broken");
  EXPECT_EQ(page.body, "oops");
  ASSERT_EQ(page.fields.size(), 1U) << "framing and Connection are ours to say";
  EXPECT_EQ(page.fields[0].first, "X-Who");
}

TEST_F(ErrorFileTest, SaysWhatIsWrongWithAFile) {
  const auto of = [this](const std::string& text) {
    write("p", text);
    std::string message = complaint(R"({ 503 = "p" })");
    const std::string path = (folder_ / "p").string();
    if (message.starts_with(path)) message.erase(0, path.size());
    return message;
  };
  EXPECT_EQ(of("HTTP/1.1 503 X\r\nContent-Length: 5\r\n\r\nfour"),
            " says Content-Length 5, and its body has 4 bytes");
  EXPECT_EQ(of("HTTP/1.1 503 X\r\nContent-Length: 4\r\n"), " has no empty line between head and body");
  EXPECT_EQ(of("HTTP/1.1 503 X\r\nno field\r\n\r\n"), " line 2 is no header field, as \"Name: value\"");
  EXPECT_EQ(of("HTTP/1.1 503 X\r\nA : b\r\n\r\n"), " line 2 is no header field, as \"Name: value\"");
  EXPECT_EQ(of("HTTP/1.1 9 X\r\n\r\n"),
            " line 1 is no status line, as \"HTTP/1.1 503 Service Unavailable\"");
  EXPECT_EQ(of("HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            " line 2: a page is sent by its length, without Transfer-Encoding");
  EXPECT_EQ(of("HTTP/1.1 503 X\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            " line 3: Content-Length \"2\" is no length of its own");
  EXPECT_NE(of(std::string(kLargestNamedFile + 1, 'x')).find("larger than 1 MiB"), std::string::npos);
  EXPECT_EQ(complaint(R"({ 503 = "missing" })"),
            fmt::format("cannot read {}: No such file or directory", (folder_ / "missing").string()));
  EXPECT_EQ(complaint(R"({ 503 = "." })"),
            fmt::format("cannot read {}: Is a directory", (folder_ / "").string()));
  EXPECT_EQ(complaint(R"({ teapot = "p" })"), "\"teapot\" is not the status of an error page");
  EXPECT_EQ(complaint(R"({ 302 = "p" })"), "\"302\" is not the status of an error page");
}

}  // namespace
}  // namespace hapair::proxy
