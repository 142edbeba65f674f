#include "proxy/health/probe.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace hapair::health {
namespace {

// Fed `size` bytes at a time.
ProbeResult read(std::string_view answer, std::size_t size = SIZE_MAX) {
  StatusLineReader reader;
  while (!answer.empty()) {
    const auto piece = answer.substr(0, size);
    if (auto result = reader.on_bytes(piece)) return *result;
    answer.remove_prefix(piece.size());
  }
  return reader.on_end();
}

TEST(Probe, SendsTheBareRequestOfHttpchk) {
  EXPECT_EQ(probe_request("OPTIONS", "/", "HTTP/1.0"), "OPTIONS / HTTP/1.0\r\n\r\n");
}

TEST(Probe, PassesTwoAndThreeHundreds) {
  for (const char* answer : {"HTTP/1.0 200 OK\r\n", "HTTP/1.1 204\r\n", "HTTP/1.1 399 \n"}) {
    const ProbeResult result = read(answer);
    EXPECT_TRUE(result.passed()) << answer;
    EXPECT_EQ(short_code(result.status), "L7OK");
    EXPECT_EQ(result.info, "");
  }
}

TEST(Probe, ReportsAnyOtherStatusWithItsPhrase) {
  const ProbeResult result = read("HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n");
  EXPECT_FALSE(result.passed());
  EXPECT_EQ(short_code(result.status), "L7STS");
  EXPECT_EQ(description(result.status), "Layer7 wrong status");
  EXPECT_EQ(result.code, 404);
  EXPECT_EQ(result.info, "Not Found");
  EXPECT_EQ(read("HTTP/1.1 500\r\n\r\n").code, 500);
  EXPECT_EQ(read("HTTP/1.1 199 x\r\n").status, ProbeStatus::L7Status);
}

TEST(Probe, ReadsTheSameHoweverTheBytesAreCut) {
  const std::string_view answer = "HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\n";
  for (std::size_t size = 1; size <= answer.size(); ++size) {
    EXPECT_EQ(read(answer, size).code, 503) << size;
    EXPECT_EQ(read(answer, size).info, "Service Unavailable") << size;
  }
}

TEST(Probe, RefusesWhatIsNotHttp) {
  for (const char* answer :
       {"", "JUNK\r\n", "HTTP/1.1 20", "HTTP/1.1 20 OK\r\n", "HTTP/1.1  200\r\n",
        "HTTP/1.1 2000\r\n", "http/1.1 200 OK\r\n", "HTTP/x.1 200 OK\r\n",
        "\r\nHTTP/1.1 200 OK\r\n", "HTTP/1.1 +20 OK\r\n"})
    EXPECT_EQ(read(answer).status, ProbeStatus::L7Invalid) << answer;
}

TEST(Probe, GivesUpOnALineThatNeverEnds) {
  EXPECT_EQ(read("HTTP/1.1 200 " + std::string(5000, 'x'), 100).status, ProbeStatus::L7Invalid);
  EXPECT_EQ(read("HTTP/1.1 200 " + std::string(5000, 'x') + "\n").status, ProbeStatus::L7Invalid);
}

TEST(Probe, NamesTheStageThatFailed) {
  EXPECT_EQ(short_code(connect_failed(ECONNREFUSED).status), "L4CON");
  EXPECT_EQ(connect_failed(ECONNREFUSED).info, "Connection refused");
  EXPECT_EQ(short_code(timed_out(false).status), "L4TOUT");
  EXPECT_EQ(short_code(timed_out(true).status), "L7TOUT");
  EXPECT_EQ(short_code(not_started(EMFILE).status), "SOCKERR");
  EXPECT_TRUE(connect_passed().passed());
  EXPECT_EQ(StatusLineReader{}.on_end(ECONNRESET).info, "Connection reset by peer");
}

}  // namespace
}  // namespace hapair::health
