#include "proxy/admin/error_report.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace hapair::admin {
namespace {

using exchange::AccessRecord;
using exchange::ErrorCaptures;

constexpr WallTime kNow{std::chrono::milliseconds(1795250715278)};

std::string report(const ErrorCaptures& captures) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  const Numbering numbers{
      .proxy = [](std::string_view name) { return name == "http-in" ? 2 : 3; },
      .server = [](std::string_view, std::string_view) { return 2; }};
  std::string out;
  append_errors(out, captures.all(), captures.events(), kNow, numbers);
  return out;
}

AccessRecord request() {
  AccessRecord record;
  record.client = *SocketAddress::parse("127.0.0.1:60214");
  record.frontend = record.backend = "http-in";
  return record;
}

AccessRecord response() {
  AccessRecord record = request();
  record.backend = "webservers";
  record.server = "web2";
  return record;
}

TEST(ErrorReport, SaysSoWhenThereIsNone) {
  EXPECT_EQ(report(ErrorCaptures{}),
            "Total events captured on [21/Nov/2026:08:45:15.278] : 0\n");
}

// But for HAProxy's own flags and the reason, which it has not, as observed from HAProxy 2.6.
TEST(ErrorReport, ShowsARequestAsHaproxyDoes) {
  ErrorCaptures captures;
  captures.add(false, request(), kNow, "malformed field name",
               "GET /a HTTP/1.1\r\nHost: x\r\nE vil\x01: \xffyes\\\"\x7f\r\nL: " +
                   std::string(150, 'z') + "\r\n\r\n",
               27);
  EXPECT_EQ(report(captures),
            "Total events captured on [21/Nov/2026:08:45:15.278] : 1\n"
            " \n"
            "[21/Nov/2026:08:45:15.278] frontend http-in (#2): invalid request\n"
            "  backend <NONE> (#-1), server <NONE> (#-1), event #0, src 127.0.0.1:60214\n"
            "  len 200, error at position 27: malformed field name :\n"
            "  \n"
            "  00000  GET /a HTTP/1.1\\r\\n\n"
            "  00017  Host: x\\r\\n\n"
            "  00026  E vil\\x01: \\xFFyes\\\\\"\\x7F\\r\\n\n"
            "  00043  L: zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n"
            "  00113+ zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n"
            "  00183+ zzzzzzzzzzzzz\\r\\n\n"
            "  00198  \\r\\n\n");
}

TEST(ErrorReport, ShowsTheNewestFirstAndOneAProxyAndSide) {
  ErrorCaptures captures;
  captures.add(false, request(), kNow, "a", "first\n", 0);
  captures.add(true, response(), kNow, "b", "answer\n", 3);
  captures.add(false, request(), kNow, "c", "second\n", 1);
  const std::string text = report(captures);
  EXPECT_NE(text.find(" : 3\n"), text.npos);
  EXPECT_EQ(text.find("first"), text.npos);
  EXPECT_LT(text.find("second"), text.find("answer"));
  EXPECT_NE(text.find("[21/Nov/2026:08:45:15.278] backend webservers (#3): invalid response\n"
                      "  frontend http-in (#2), server web2 (#2), event #1, src 127.0.0.1:60214\n"
                      "  len 7, error at position 3: b :\n"),
            text.npos)
      << text;
}

TEST(ErrorCaptures, AreBounded) {
  ErrorCaptures captures;
  captures.add(false, request(), kNow, "long", std::string(100'000, 'x'), 0);
  ASSERT_EQ(captures.all().size(), 1u);
  EXPECT_EQ(captures.all()[0].bytes.size(), ErrorCaptures::kMostBytes);
  EXPECT_EQ(captures.all()[0].size, 100'000u);
  for (std::size_t i = 0; i < ErrorCaptures::kMostProxies + 10; ++i) {
    AccessRecord record = request();
    const std::string name = "f" + std::to_string(i);
    record.frontend = record.backend = name;
    captures.add(false, record, kNow, "r", "b", 0);
  }
  EXPECT_EQ(captures.all().size(), ErrorCaptures::kMostProxies);
  EXPECT_EQ(captures.all()[0].frontend, "f" + std::to_string(ErrorCaptures::kMostProxies + 9));
}

}  // namespace
}  // namespace hapair::admin
