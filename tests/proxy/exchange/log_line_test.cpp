// Access lines in formats of one's own.
#include "proxy/exchange/log_line.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "proxy/exchange/captured_fields.h"

namespace hapair::exchange {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint t0{5000s};

// 21/Nov/2026 02:56:40.034 UTC
constexpr WallTime kDate{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 2h + 56min +
                         40s + 34ms};

class LogLine : public testing::Test {
 protected:
  static void SetUpTestSuite() { use_zone("UTC"); }
  static void use_zone(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }

  LogLine() {
    record_.client = {IpAddress::v4(0x7f00000a), 39978};
    record_.date = kDate;
    record_.frontend = "http-in";
    record_.backend = "webservers";
    record_.server = "web1";
    record_.idle_since = t0 - 1500ms;
    record_.start = t0;
    record_.received = t0 + 1ms;
    record_.dequeued = t0 + 11ms;
    record_.connected = t0 + 111ms;
    record_.answered = t0 + 1111ms;
    record_.end = t0 + 11111ms;
    record_.status = 200;
    record_.bytes_out = 64;
    record_.bytes_in = 300;
    record_.termination = {'c', 'D', 'V', 'N'};
    record_.process_connections = 7;
    record_.frontend_connections = 6;
    record_.backend_connections = 5;
    record_.server_connections = 4;
    record_.retries = 3;
    record_.server_queue = 2;
    record_.backend_queue = 1;
    record_.number = 17;
    record_.line_number = 9;
    record_.request_line = "GET /a/b?c=d HTTP/1.1";
  }

  /// The room that was asked for is there, and not one byte more.
  std::string write(const proxy::LogPattern& pattern, std::size_t limit = 65536) {
    const std::size_t room = pattern_room(pattern, record_, limit);
    const std::unique_ptr<char[]> line(new char[room]);
    char* const end = put_pattern(line.get(), pattern, record_, clock_, limit);
    EXPECT_LE(static_cast<std::size_t>(end - line.get()), room);
    return {line.get(), end};
  }
  std::string line(std::string_view format) {
    const auto pattern = proxy::parse_log_pattern(format, scope_);
    EXPECT_TRUE(pattern) << format << ": " << (pattern ? "" : pattern.error().message);
    return pattern ? write(*pattern) : "";
  }
  std::string json() { return write(proxy::json_log_pattern(scope_)); }

  std::string tcp_word() {
    std::string word(line_room(record_, 65536), '?');
    word.resize(static_cast<std::size_t>(put_tcplog(word.data(), record_, clock_) - word.data()));
    return word;
  }

  /// Captures Host and Referer of a request, Server of its response.
  void capture(std::string_view host, std::string_view referer, std::string_view server) {
    scope_.request_headers = {{"Host"}, {"Referer"}};
    scope_.response_headers = {{"Server"}};
    http::FieldList request, response;
    request.add({"host", host});
    request.add({"Referer", referer});
    response.add({"Server", server});
    asked_.take(scope_.request_headers, request);
    answered_.take(scope_.response_headers, response);
    record_.request_captures = &asked_;
    record_.response_captures = &answered_;
  }

  AccessRecord record_;
  proxy::LogScope scope_;
  CapturedFields asked_, answered_;
  AccessClock clock_;
};

TEST_F(LogLine, ShowsCapturedCookies) {
  record_.request_cookie = "SID=a b{|}";
  EXPECT_EQ(line("%CC %CS %{+Q}CC %{+Q}CS"), "SID=a#20b{|} - \"SID=a#20b{|}\" \"\"");
  EXPECT_EQ(json().find("_cookie"), std::string::npos);
  scope_.cookie = true;
  EXPECT_NE(json().find(R"(,"request_cookie":"SID=a b{|}","response_cookie":null)"),
            std::string::npos)
      << json();
}

TEST_F(LogLine, WritesEachVariable) {
  const std::pair<const char*, std::string> variables[] = {{"%ci", "127.0.0.10"},
                                                           {"%cp", "39978"},
                                                           {"%tr", "21/Nov/2026:02:56:40.034"},
                                                           {"%t", "21/Nov/2026:02:56:38.534"},
                                                           {"%T", "21/Nov/2026:02:56:38 +0000"},
                                                           {"%Tl", "21/Nov/2026:02:56:38 +0000"},
                                                           {"%Ts", "1795229798"},
                                                           {"%ms", "534"},
                                                           {"%ft", "http-in"},
                                                           {"%f", "http-in"},
                                                           {"%b", "webservers"},
                                                           {"%s", "web1"},
                                                           {"%TR", "1"},
                                                           {"%Tw", "10"},
                                                           {"%Tc", "100"},
                                                           {"%Tr", "1000"},
                                                           {"%Ta", "11111"},
                                                           {"%Tu", "11111"},
                                                           {"%Tt", "12611"},
                                                           {"%Th", "0"},
                                                           {"%Ti", "1500"},
                                                           {"%Tq", "1501"},
                                                           {"%Td", "10000"},
                                                           {"%ST", "200"},
                                                           {"%B", "64"},
                                                           {"%U", "300"},
                                                           {"%CC", "-"},
                                                           {"%CS", "-"},
                                                           {"%ts", "cD"},
                                                           {"%tsc", "cDVN"},
                                                           {"%ac", "7"},
                                                           {"%fc", "6"},
                                                           {"%bc", "5"},
                                                           {"%sc", "4"},
                                                           {"%rc", "3"},
                                                           {"%sq", "2"},
                                                           {"%bq", "1"},
                                                           {"%rt", "17"},
                                                           {"%lc", "9"},
                                                           {"%r", "GET /a/b?c=d HTTP/1.1"},
                                                           {"%HM", "GET"},
                                                           {"%HP", "/a/b"},
                                                           {"%HPO", "/a/b"},
                                                           {"%HQ", "?c=d"},
                                                           {"%HU", "/a/b?c=d"},
                                                           {"%HV", "HTTP/1.1"},
                                                           {"%pid", std::to_string(getpid())},
                                                           {"%[src]", "127.0.0.10"},
                                                           {"%[src_port]", "39978"},
                                                           {"%[method]", "GET"},
                                                           {"%[path]", "/a/b"},
                                                           {"%[query]", "c=d"},
                                                           {"%[url]", "/a/b?c=d"},
                                                           {"%[status]", "200"},
                                                           {"%[pid]", std::to_string(getpid())}};
  for (const auto& [format, text] : variables) EXPECT_EQ(line(format), text) << format;
  char host[256] = {};
  ASSERT_EQ(gethostname(host, sizeof host - 1), 0);
  EXPECT_EQ(line("%H %[hostname]"), std::string(host) + " " + host);
}

TEST_F(LogLine, WritesTheFormatsOfHaproxyAsTheWordsDo) {
  for (const bool reached : {true, false}) {
    if (!reached) {
      record_.server = {};
      record_.dequeued = record_.connected = record_.answered = kNever;
      record_.redispatched = true;
      record_.request_line = {};
      record_.status = -1;
    }
    std::string word(line_room(record_, 65536), '?');
    word.resize(
        static_cast<std::size_t>(put_httplog(word.data(), record_, clock_, 65536) - word.data()));
    EXPECT_EQ(line(proxy::kHttpLogFormat), word);
    record_.idle_since = kNever;  // a connection has one beginning
    record_.received = kNever;    // and no request
    EXPECT_EQ(line(proxy::kTcpLogFormat), tcp_word());
  }
}

TEST_F(LogLine, SaysMinusOneForWhatWasNotReached) {
  record_.received = record_.dequeued = record_.connected = record_.answered = kNever;
  record_.status = -1;
  record_.server = {};
  EXPECT_EQ(line("%s %TR/%Tw/%Tc/%Tr/%Td %ST"), "<NOSRV> -1/-1/-1/-1/-1 -1");
}

TEST_F(LogLine, ConnectionsWithoutARequestHaveItsDash) {
  record_.request_line = {};
  EXPECT_EQ(line("%r|%HM|%HP|%HQ|%HU|%HV"), "<BADREQ>|-|-|-|-|-");
  EXPECT_EQ(line("%{+Q}HM"), "\"\"");
}

TEST_F(LogLine, WritesDatesInLocalTimeToo) {
  use_zone("XYZ+3:30");  // behind UTC
  EXPECT_EQ(line("%Tl|%T|%tr"),
            "20/Nov/2026:23:26:38 -0330|21/Nov/2026:02:56:38 +0000|20/Nov/2026:23:26:40.034");
  EXPECT_NE(json().find("{\"time\":\"2026-11-20T23:26:40.034-03:30\","), std::string::npos)
      << json();
  use_zone("UTC");
}

TEST_F(LogLine, WritesHexadecimalNumbers) {
  EXPECT_EQ(line("%{+X}ci:%{+X}cp %{+X}B %{+X}Ts"), "7F00000A:9C2A 40 6B010866");
  record_.client.ip = *IpAddress::parse("fe80::1:2");
  EXPECT_EQ(line("%{+X}ci %ci"), "FE800000000000000000000000010002 fe80::1:2");
}

TEST_F(LogLine, ClientsOfUnixSocketsHaveNoAddress) {
  record_.client.unix_listener = 3;
  EXPECT_EQ(line("%ci:%cp %{+X}ci"), "unix:3 unix");
}

TEST_F(LogLine, QuotesWhatItIsTold) {
  EXPECT_EQ(line("%{+Q}b %{+Q}o%ci %{-Q}HM %HP"), "\"webservers\" \"127.0.0.10\" GET \"/a/b\"");
}

TEST_F(LogLine, ForeignTextForgesNothing) {
  record_.request_line = "GET /\"#\n\x7f\xff\\]{|} HTTP/1.1";
  EXPECT_EQ(line("%{+Q}r"), "\"GET /#22#23#0A#7F#FF\\]{|} HTTP/1.1\"");
  EXPECT_EQ(line("%{+Q,+E}r"), "\"GET /\\\"#23#0A#7F#FF\\\\\\]{|} HTTP/1.1\"");
  EXPECT_EQ(line("%HU"), "/#22#23#0A#7F#FF\\]{|}");
}

TEST_F(LogLine, ShowsCapturedFields) {
  capture("example.org", "", "Apache");
  EXPECT_EQ(line("%hr %hs"), "{example.org|} {Apache}");
  EXPECT_EQ(line("%{+Q}hr"), "\"{example.org|}\"");
  EXPECT_EQ(line("%[capture.req.hdr(0)],%[capture.req.hdr(1)],%[capture.res.hdr(0)]"),
            "example.org,-,Apache");
  capture("a|b}{\"\n", "\xff", "x");
  EXPECT_EQ(line("%hr"), "{a#7Cb#7D#7B#22#0A|#FF}");
}

// As HAProxy 2.6 writes them.
TEST_F(LogLine, ListsCapturedFields) {
  capture("a b", "", "Apache");
  EXPECT_EQ(line("%hrl|%hsl"), "a b -|Apache");
  EXPECT_EQ(line("%{+Q}hrl %{+Q}hsl"), "\"a b\" \"\" \"Apache\"");
  capture("a\"b] {x|y} \\ z", "", "x");
  EXPECT_EQ(line("%{+Q}hrl"), "\"a#22b] #7Bx#7Cy#7D \\ z\" \"\"");
  record_.response_captures = nullptr;
  EXPECT_EQ(line("%hsl"), "-");
}

TEST_F(LogLine, SaysWhereTheServerIs) {
  EXPECT_EQ(line("%si:%sp %{+Q}si"), "-:- \"\"");
  const SocketAddress address{IpAddress::v4(0x0a000002), 8080};
  record_.server_address = &address;
  EXPECT_EQ(line("%si:%sp %{+X}si:%{+X}sp"), "10.0.0.2:8080 0A000002:1F90");
}

TEST_F(LogLine, SaysWhereOurEndsAre) {
  EXPECT_EQ(line("%fi:%fp %bi:%bp %{+Q}fi"), "-:- -:- \"\"");
  const SocketAddress destination{IpAddress::v4(0x0a000001), 80};
  record_.destination = &destination;
  const SocketAddress source = *SocketAddress::parse("[fd00::1]:4711");
  record_.source = &source;
  EXPECT_EQ(line("%fi:%fp %bi:%bp %[dst]:%[dst_port]"),
            "10.0.0.1:80 fd00::1:4711 10.0.0.1:80");
  EXPECT_EQ(line("%{+X}fi:%{+X}fp %{+X}bp"), "0A000001:0050 1267");
  const SocketAddress path{.unix_listener = 2};
  record_.destination = &path;
  EXPECT_EQ(line("%fi:%fp"), "unix:2");
}

TEST_F(LogLine, MakesTheUniqueNameThatHaproxysManualShows) {
  const SocketAddress destination{IpAddress::v4(0x7f000001), 80};
  record_.destination = &destination;
  EXPECT_EQ(line("%{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid").substr(0, 42),
            "7F00000A:9C2A_7F000001:0050_6B010866_0011:");
}

TEST_F(LogLine, SaysInWhichZoneTheRequestBegan) {
  use_zone("CET-1");
  EXPECT_EQ(line("%trl|%trg"), "21/Nov/2026:03:56:40 +0100|21/Nov/2026:02:56:40 +0000");
  EXPECT_EQ(line("%Tl"), "21/Nov/2026:03:56:38 +0100");  // accepted 1.5 s before
  use_zone("UTC");
}

TEST_F(LogLine, SaysThatNothingWasCapturedWhenNoResponseCame) {
  capture("example.org", "", "Apache");
  record_.response_captures = nullptr;
  EXPECT_EQ(line("%hs %[capture.res.hdr(0)]"), "{} -");
  record_.request_captures = nullptr;
  EXPECT_EQ(line("%hr"), "{|}");
}

TEST_F(LogLine, PutsCapturesWhereHttplogHasThem) {
  capture("example.org", "/from", "Apache");
  EXPECT_NE(line(proxy::kHttpLogFormat).find(" 2/1 {example.org|/from} {Apache} \"GET "),
            std::string::npos);
}

TEST(CapturedFields, AreTheLastOfTheirNameAndNoLongerThanWanted) {
  CapturedFields captured;
  http::FieldList fields;
  fields.add({"X-A", "first"});
  fields.add({"x-a", "second"});
  fields.add({"X-B", "0123456789"});
  captured.take({{"X-a"}, {"X-None"}, {"X-B", 4}}, fields);
  EXPECT_EQ(captured[0], "second");
  EXPECT_EQ(captured[1], "");
  EXPECT_EQ(captured[2], "0123");
  EXPECT_EQ(captured[3], "") << "never asked for";
  EXPECT_EQ(captured.bytes(), 10U);
  captured.take({{"X-None"}}, fields);
  EXPECT_EQ(captured[0], "");
}

TEST_F(LogLine, WritesJson) {
  capture("example.org", "", "Apache");
  EXPECT_EQ(json(),
            R"({"time":"2026-11-21T02:56:40.034+00:00","client_address":"127.0.0.10",)"
            R"("client_port":39978,"frontend":"http-in","backend":"webservers","server":"web1",)"
            R"("request_ms":1,"queue_ms":10,"connect_ms":100,"response_ms":1000,"total_ms":11111,)"
            R"("status":200,"bytes_out":64,"bytes_in":300,"termination":"cDVN",)"
            R"("process_connections":7,"frontend_connections":6,"backend_connections":5,)"
            R"("server_connections":4,"retries":3,"redispatched":false,"server_queue":2,)"
            R"("backend_queue":1,"method":"GET","uri":"/a/b?c=d","version":"HTTP/1.1",)"
            R"("request_headers":{"Host":"example.org","Referer":null},)"
            R"("response_headers":{"Server":"Apache"}})");
}

TEST_F(LogLine, JsonSaysNullForWhatWasNotReached) {
  record_.dequeued = record_.connected = record_.answered = kNever;
  record_.status = -1;
  record_.request_line = {};
  record_.redispatched = true;
  EXPECT_NE(json().find("\"queue_ms\":null,\"connect_ms\":null,\"response_ms\":null,"),
            std::string::npos)
      << json();
  EXPECT_NE(json().find("\"status\":null,"), std::string::npos);
  EXPECT_NE(json().find("\"retries\":3,\"redispatched\":true,"), std::string::npos);
  EXPECT_NE(json().find("\"method\":null,\"uri\":null,\"version\":null}"), std::string::npos);
}

TEST_F(LogLine, JsonCanBeShortened) {
  const std::string uri = "/" + std::string(5000, '\x01');
  const std::string request = "GET " + uri + " HTTP/1.1";
  record_.request_line = request;
  std::string expected = "\"uri\":\"/";
  for (int i = 0; i < 31; ++i) expected += "\\u0001";
  const auto pattern = proxy::json_log_pattern(scope_);
  EXPECT_NE(write(pattern, 32).find(expected + "\","), std::string::npos);
  EXPECT_NE(write(pattern, 0).find("\"uri\":null,"), std::string::npos);
  EXPECT_GT(write(pattern).size(), 30000U);
}

TEST_F(LogLine, JsonLosesItsLastMembersWholeWhereItDoesNotFit) {
  capture("shop.example", std::string(400, 'r'), "Apache");
  const auto pattern = proxy::json_log_pattern(scope_);
  const std::string whole = write(pattern), shortest = write(pattern, 0);
  const std::size_t least = write(pattern, 1).size();  // a letter is shorter than null
  const std::unique_ptr<char[]> line(new char[pattern_room(pattern, record_, 65536)]);
  for (std::size_t room = 2; room <= whole.size(); ++room) {
    const std::string got(line.get(),
                          put_object(line.get(), pattern, record_, clock_, 65536, room));
    ASSERT_LE(got.size(), room);
    EXPECT_EQ(std::count(got.begin(), got.end(), '{'), std::count(got.begin(), got.end(), '}'))
        << got;
    if (room >= least) {
      EXPECT_TRUE(got.ends_with("}}")) << "all members are there: " << got;
      continue;
    }
    // All of it but the braces is the beginning of the whole, up to the end of a member.
    const std::string_view kept = std::string_view(got).substr(0, got.find_last_not_of('}') + 1);
    ASSERT_EQ(shortest.substr(0, kept.size()), kept);
    EXPECT_TRUE(kept == "{" || shortest[kept.size()] == ',' || shortest[kept.size()] == '}') << got;
  }
  EXPECT_EQ(std::string(line.get(), put_object(line.get(), pattern, record_, clock_, 65536, 2)),
            "{}");
}

TEST_F(LogLine, PathAndQueryAreWhatHaproxySaysOfAnyTarget) {
  struct Said {
    std::string_view target, hp, path, hq, query;
  };
  for (const Said& said :
       {Said{"http://a/p/q?x=/y", "http://a/p/q", "/p/q", "?x=/y", "x=/y"},
        Said{"http://a", "http://a", "-", "-", "-"}, Said{"//a/b", "//a/b", "//a/b", "-", "-"},
        Said{"*", "*", "-", "-", "-"}, Said{"/p?", "/p", "/p", "?", "-"}}) {
    const std::string request = fmt::format("GET {} HTTP/1.1", said.target);
    record_.request_line = request;
    EXPECT_EQ(line("%HP %HPO %[path] %HQ %[query] %[url]"),
              fmt::format("{} {} {} {} {} {}", said.hp, said.path, said.path, said.hq, said.query,
                          said.target));
  }
}

std::string json_string(std::string_view text) {
  std::string out(6 * text.size() + 2, '?');
  out.resize(static_cast<std::size_t>(put_json_string(out.data(), text) - out.data()));
  return out;
}

TEST(JsonString, IsWellFormedWhateverTheBytes) {
  EXPECT_EQ(json_string(""), "\"\"");
  EXPECT_EQ(json_string("a/b 'c'"), "\"a/b 'c'\"");
  EXPECT_EQ(json_string("\"\\"), R"("\"\\")");
  EXPECT_EQ(json_string(std::string_view("\0\n\x1f\x7f", 4)), R"("\u0000\u000A\u001F\u007F")");
  EXPECT_EQ(json_string("é€𝄞"), "\"é€𝄞\"");
  EXPECT_EQ(json_string("\xc2\x85\xc2\x9b\xc2\xa0"), "\"\\u0085\\u009B\xc2\xa0\"") << "C1 controls";
}

TEST(JsonString, HasAReplacementForEachByteThatIsNoUtf8) {
  const std::string bad = "\\ufffd";
  EXPECT_EQ(json_string("\xff"), "\"" + bad + "\"");
  EXPECT_EQ(json_string("a\x80"
                        "b"),
            "\"a" + bad + "b\"");
  EXPECT_EQ(json_string("\xc3"), "\"" + bad + "\"") << "cut";
  EXPECT_EQ(json_string("\xc3\""), "\"" + bad + "\\\"\"") << "a quote is no continuation";
  EXPECT_EQ(json_string("\xc0\xaf"), "\"" + bad + bad + "\"") << "overlong";
  EXPECT_EQ(json_string("\xe0\x80\x80"), "\"" + bad + bad + bad + "\"") << "overlong";
  EXPECT_EQ(json_string("\xed\xa0\x80"), "\"" + bad + bad + bad + "\"") << "a surrogate";
  EXPECT_EQ(json_string("\xf4\x90\x80\x80"), "\"" + bad + bad + bad + bad + "\"")
      << "above U+10FFFF";
  EXPECT_EQ(json_string("\xf0\x9f\x98"), "\"" + bad + bad + bad + "\"") << "cut";
}

}  // namespace
}  // namespace hapair::exchange
