#include "proxy/exchange/access_record.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace hapair::exchange {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint t0{5000s};

// 21/Nov/2026 02:56:40.034 UTC
constexpr WallTime kDate{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 2h + 56min +
                         40s + 34ms};

class AccessLog : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  static AccessRecord served() {
    AccessRecord record;
    record.client = {IpAddress::v4(0x7f000001), 39978};
    record.date = kDate;
    record.frontend = "http-in";
    record.backend = "webservers";
    record.server = "web1";
    record.start = record.received = record.dequeued = t0;
    record.connected = record.answered = record.end = t0;
    record.status = 200;
    record.bytes_out = 64;
    record.process_connections = record.frontend_connections = 1;
    record.request_line = "GET / HTTP/1.1";
    return record;
  }
  std::string http(const AccessRecord& record) {
    std::string out(line_room(record, SIZE_MAX), '?');
    out.resize(static_cast<std::size_t>(put_httplog(out.data(), record, clock_, SIZE_MAX) - out.data()));
    return out;
  }
  std::string tcp(const AccessRecord& record) {
    std::string out(line_room(record, SIZE_MAX), '?');
    out.resize(static_cast<std::size_t>(put_tcplog(out.data(), record, clock_) - out.data()));
    return out;
  }
  AccessClock clock_;
};

TEST_F(AccessLog, WritesTheLineThatHaproxyWrites) {
  EXPECT_EQ(http(served()),
            "127.0.0.1:39978 [21/Nov/2026:02:56:40.034] http-in webservers/web1 0/0/0/0/0 200 64 - "
            "- ---- "
            "1/1/0/0/0 0/0 \"GET / HTTP/1.1\"");
}

TEST_F(AccessLog, WritesTheTcpLineThatHaproxyWrites) {
  AccessRecord record = served();
  record.client.port = 40602;
  record.date += 1s + 79ms;
  record.frontend = record.backend = "tcp";
  record.server = "web01";
  record.dequeued = record.connected = t0 + 1ms;
  record.end = t0 + 10ms;
  record.bytes_out = 57;
  record.process_connections = 2;
  EXPECT_EQ(tcp(record),
            "127.0.0.1:40602 [21/Nov/2026:02:56:41.113] tcp tcp/web01 1/0/10 57 -- 2/1/0/0/0 0/0");
}

TEST_F(AccessLog, ShowsCapturedCookiesAsOneColumnEach) {
  AccessRecord record = served();
  record.request_cookie = "SID=a b\"#";
  record.response_cookie = "SID=\xc3\xa9";
  EXPECT_NE(http(record).find(" 64 SID=a#20b#22#23 SID=#C3#A9 ---- "), std::string::npos)
      << http(record);
}

TEST_F(AccessLog, HasHaproxysLineForAConnectionThatIsNobodys) {
  constexpr std::string_view stamp = "[21/Nov/2026:02:56:40.034]";
  EXPECT_EQ(refusal_line(*SocketAddress::parse("127.0.0.1:4711"), stamp, "http-in", 1, "why"),
            "127.0.0.1:4711 [21/Nov/2026:02:56:40.034] http-in/1: why");
  EXPECT_EQ(refusal_line(*SocketAddress::parse("[2001:db8::1]:4711"), stamp, "f", 2, "why"),
            "2001:db8::1:4711 [21/Nov/2026:02:56:40.034] f/2: why");
  EXPECT_EQ(refusal_line({.unix_listener = 3}, stamp, "f", 3, "why"),
            "unix:3 [21/Nov/2026:02:56:40.034] f/3: why");
}

TEST_F(AccessLog, MeasuresEachPhaseInMilliseconds) {
  AccessRecord record = served();
  record.received = t0 + 1ms;
  record.dequeued = t0 + 11ms;
  record.connected = t0 + 111ms;
  record.answered = t0 + 1111ms + 999us;
  record.end = t0 + 11111ms;
  EXPECT_NE(http(record).find(" 1/10/100/1000/11111 200 "), std::string::npos) << http(record);
}

TEST_F(AccessLog, SaysMinusOneForPhasesNotReached) {
  AccessRecord record = served();
  record.server = {};
  record.dequeued = record.connected = record.answered = kNever;
  record.status = 503;
  record.bytes_out = 217;
  record.termination = {'S', 'C', '-', '-'};
  EXPECT_EQ(http(record),
            "127.0.0.1:39978 [21/Nov/2026:02:56:40.034] http-in webservers/<NOSRV> 0/-1/-1/-1/0 "
            "503 217 - - "
            "SC-- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"");
  EXPECT_NE(tcp(record).find("/<NOSRV> -1/-1/0 217 SC 1/1"), std::string::npos) << tcp(record);
}

TEST_F(AccessLog, TellsTheWholeStoryOfAQueueTimeout) {
  AccessRecord record = served();
  record.frontend = "q";
  record.backend = "q";
  record.server = {};
  record.dequeued = t0 + 502ms;
  record.connected = record.answered = kNever;
  record.end = t0 + 502ms;
  record.status = 503;
  record.bytes_out = 217;
  record.termination = {'s', 'Q', '-', '-'};
  record.process_connections = record.frontend_connections = 2;
  record.backend_connections = 1;
  record.backend_queue = 1;
  EXPECT_NE(http(record).find(" q/<NOSRV> 0/502/-1/-1/502 503 217 - - sQ-- 2/2/1/0/0 0/1 "),
            std::string::npos)
      << http(record);
}

TEST_F(AccessLog, NamesABrokenRequest) {
  AccessRecord record = served();
  record.backend = "http-in";
  record.server = {};
  record.received = record.dequeued = record.connected = record.answered = kNever;
  record.status = 400;
  record.bytes_out = 0;
  record.termination = {'P', 'R', '-', '-'};
  record.request_line = {};
  EXPECT_EQ(http(record),
            "127.0.0.1:39978 [21/Nov/2026:02:56:40.034] http-in http-in/<NOSRV> -1/-1/-1/-1/0 400 "
            "0 - - PR-- "
            "1/1/0/0/0 0/0 \"<BADREQ>\"");
}

TEST_F(AccessLog, MarksARedispatchedRetry) {
  AccessRecord record = served();
  record.retries = 1;
  record.redispatched = true;
  EXPECT_NE(http(record).find(" 1/1/0/0/+1 0/0 "), std::string::npos);
}

TEST_F(AccessLog, WritesIpv6WithoutBrackets) {
  AccessRecord record = served();
  record.client.ip = IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  EXPECT_EQ(http(record).substr(0, 18), "2001:db8::1:39978 ");
}

TEST_F(AccessLog, NamesTheListenerOfAUnixClient) {
  AccessRecord record = served();
  record.client = {};
  record.client.unix_listener = 2;
  EXPECT_EQ(http(record).substr(0, 8), "unix:2 [");
}

TEST_F(AccessLog, LetsNoRequestForgeALine) {
  AccessRecord record = served();
  record.request_line = "GET /a\"b#c\r\n<129>\x7f\xc3\xa9\\ HTTP/1.1";
  EXPECT_TRUE(http(record).ends_with("\"GET /a#22b#23c#0D#0A<129>#7F#C3#A9\\ HTTP/1.1\""))
      << http(record);
}

TEST_F(AccessLog, WritesLongRequestLinesWhole) {
  AccessRecord record = served();
  const std::string line = "GET /" + std::string(3000, 'x') + "\x01 HTTP/1.1";
  record.request_line = line;
  EXPECT_TRUE(http(record).ends_with("GET /" + std::string(3000, 'x') + "#01 HTTP/1.1\""));
}

TEST_F(AccessLog, WritesNoMoreOfARequestLineThanALogTakes) {
  AccessRecord record = served();
  const std::string line = "GET /" + std::string(3000, '\xff') + " HTTP/1.1";
  record.request_line = line;
  std::string out(line_room(record, 7), '?');
  out.resize(static_cast<std::size_t>(put_httplog(out.data(), record, clock_, 7) - out.data()));
  EXPECT_TRUE(out.ends_with("\"GET /#FF#FF\"")) << out;
}

TEST_F(AccessLog, KeepsItsClockRightAcrossSeconds) {
  std::string out;
  for (const auto offset : {0ms, 965ms, 966ms, -40034ms, 86400000ms}) {
    out += clock_.stamp(kDate + offset);
    out += ' ';
  }
  EXPECT_EQ(out,
            "[21/Nov/2026:02:56:40.034] [21/Nov/2026:02:56:40.999] [21/Nov/2026:02:56:41.000] "
            "[21/Nov/2026:02:56:00.000] [22/Nov/2026:02:56:40.034] ");
}

}  // namespace
}  // namespace hapair::exchange
