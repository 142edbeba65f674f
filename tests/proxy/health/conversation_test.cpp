// Every ready-made conversation, however the server's bytes are cut.
#include "proxy/health/conversation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "proxy/health/agent_reply.h"
#include "proxy/health/http_probe.h"
#include "proxy/health/ldap_probe.h"
#include "proxy/health/mysql_probe.h"
#include "proxy/health/postgresql_probe.h"
#include "proxy/health/redis_probe.h"
#include "proxy/health/script_probe.h"
#include "proxy/health/smtp_probe.h"

namespace hapair::health {
namespace {

using namespace std::string_view_literals;

struct Outcome {
  std::string sent;
  ProbeResult result;
};

/// The server says `answers`, `size` bytes at a time, and closes.
Outcome talk(Conversation& probe, std::string_view answers, std::size_t size) {
  auto turn = probe.begin();
  Outcome out{.sent = std::string(turn.send), .result = {}};
  while (!turn.verdict && !answers.empty()) {
    turn = probe.on_bytes(answers.substr(0, size));
    answers.remove_prefix(std::min(size, answers.size()));
    out.sent += turn.send;
  }
  out.result = turn.verdict ? *turn.verdict : probe.on_end(0);
  return out;
}

/// The same outcome for every cut.
Outcome talk(Conversation& probe, std::string_view answers) {
  const Outcome whole = talk(probe, answers, answers.size() + 1);
  for (std::size_t size = 1; size <= answers.size(); ++size) {
    const Outcome cut = talk(probe, answers, size);
    EXPECT_EQ(cut.result.status, whole.result.status) << size;
    EXPECT_EQ(cut.result.info, whole.result.info) << size;
    if (whole.result.passed()) {
      EXPECT_EQ(cut.sent, whole.sent) << size;
    }
  }
  return whole;
}

std::string verdict(Conversation& probe, std::string_view answers) {
  const ProbeResult result = talk(probe, answers).result;
  return std::string(short_code(result.status)) + " " + std::to_string(result.code) + " " + result.info;
}

TEST(HttpProbe, TakesSuccessAndRedirectionUnlessToldOtherwise) {
  HttpProbe probe("GET / HTTP/1.0\r\n\r\n", {});
  EXPECT_EQ(verdict(probe, "HTTP/1.1 200 OK\r\n"), "L7OK 200 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 302 Found\r\n"), "L7OK 302 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 404 Not Found\r\n"), "L7STS 404 Not Found");
  EXPECT_EQ(verdict(probe, "SSH-2.0-x\r\n"), "L7RSP -1 ");
}

TEST(HttpProbe, ReadsAStatusLineStrictly) {
  HttpProbe probe("", {});
  EXPECT_EQ(verdict(probe, "HTTP/1.1 204\r\n"), "L7OK 204 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 399 \n"), "L7OK 399 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 500\r\n\r\n"), "L7STS 500 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 199 x\r\n"), "L7STS 199 x");
  for (const char* answer :
       {"", "JUNK\r\n", "HTTP/1.1 20", "HTTP/1.1 20 OK\r\n", "HTTP/1.1  200\r\n", "HTTP/1.1 2000\r\n",
        "http/1.1 200 OK\r\n", "HTTP/x.1 200 OK\r\n", "\r\nHTTP/1.1 200 OK\r\n", "HTTP/1.1 +20 OK\r\n"})
    EXPECT_EQ(verdict(probe, answer), "L7RSP -1 ") << answer;
}

TEST(HttpProbe, GivesUpOnAStatusLineThatNeverEnds) {
  HttpProbe probe("", {});
  for (const char* end : {"", "\n"})
    EXPECT_EQ(verdict(probe, "HTTP/1.1 200 " + std::string(1100, 'x') + end), "L7RSP -1 ");
}

TEST(HttpProbe, JudgesStatusByRanges) {
  HttpProbe probe("", {.must = {.status = {{200, 200}, {401, 403}}}});
  EXPECT_EQ(verdict(probe, "HTTP/1.1 402 x\r\n"), "L7OK 402 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 204 No Content\r\n"), "L7STS 204 No Content");
  HttpProbe negated("", {.must_not = {.status = {{500, 599}}}});
  EXPECT_EQ(verdict(negated, "HTTP/1.1 404 x\r\n"), "L7OK 404 ");
  EXPECT_EQ(verdict(negated, "HTTP/1.1 503 Bad\r\n"), "L7STS 503 Bad");
}

TEST(HttpProbe, LooksIntoFields) {
  HttpProbe probe("", {.must = {.headers = {{.name = "X-Ok", .value = "yes"}}}});
  EXPECT_EQ(verdict(probe, "HTTP/1.1 200 OK\r\nx-ok: yes\r\n\r\n"), "L7OK 200 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 200 OK\r\nX-Ok: no\r\n\r\n"), "L7STS 200 OK");
}

TEST(HttpProbe, LooksIntoTheContentWhateverItsFraming) {
  HttpProbe probe("", {.must = {.body = {"hello"}}});
  EXPECT_EQ(verdict(probe, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "L7OK 200 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.0 200 OK\r\n\r\nsay hello"), "L7OK 200 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
            "L7OK 200 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nworld"),
            "L7RSP -1 HTTP content check did not match");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nworld"),
            "L7RSP -1 the content is cut short");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\nhello"), "L7STS 500 Oh");
}

TEST(HttpProbe, RefusesUnwantedContent) {
  HttpProbe probe("", {.must_not = {.body_pattern = *Regex::compile("err[0-9]+")}});
  EXPECT_EQ(verdict(probe, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"), "L7OK 200 ");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nit's err7"),
            "L7RSP -1 HTTP check matched unwanted content");
}

TEST(ScriptProbe, SaysAndAwaitsInTurn) {
  using Kind = ScriptStep::Kind;
  ScriptProbe probe({{.kind = Kind::Send, .bytes = "A\r\n"},
                     {.kind = Kind::Expect, .bytes = "+a"},
                     {.kind = Kind::Send, .bytes = "B\r\n"},
                     {.kind = Kind::Expect, .bytes = "+b", .reject = "-ERR"}});
  const Outcome good = talk(probe, "+a\r\n+b\r\n");
  EXPECT_EQ(good.result.status, ProbeStatus::L7Ok);
  EXPECT_EQ(good.sent, "A\r\nB\r\n");
  EXPECT_EQ(verdict(probe, "-x\r\n"), "L7RSP -1 TCPCHK did not match content '+a' at step 2");
  EXPECT_EQ(verdict(probe, ""), "L7RSP -1 TCPCHK got an empty response at step 2");
  EXPECT_EQ(verdict(probe, "+a\r\n-ERR +b"), "L7RSP -1 TCPCHK matched unwanted content '-ERR' at step 4");
  probe.begin();
  EXPECT_EQ(probe.on_timeout().info, " at step 2 of tcp-check (expect string '+a')");
}

TEST(ScriptProbe, TakesOfAPatternAsLittleAsItNeeds) {
  using Kind = ScriptStep::Kind;
  ScriptProbe probe({{.kind = Kind::ExpectPattern, .pattern = *Regex::compile("[a-z]+: ")},
                     {.kind = Kind::ExpectPattern, .pattern = *Regex::compile("(?m)ok$")}});
  EXPECT_EQ(verdict(probe, "state: ok\n"), "L7OK -1 ");
  EXPECT_EQ(verdict(probe, "state: okay\n"), "L7RSP -1 TCPCHK did not match content '(?m)ok$' at step 2");
}

TEST(ScriptProbe, WaitsWithADollarUntilTheServerCloses) {
  using Kind = ScriptStep::Kind;
  ScriptProbe probe({{.kind = Kind::ExpectPattern, .pattern = *Regex::compile("ok$")}});
  EXPECT_EQ(verdict(probe, "ok"), "L7OK -1 ");
  EXPECT_EQ(verdict(probe, "ok."), "L7RSP -1 TCPCHK did not match content 'ok$' at step 1");
}

TEST(ScriptProbe, IsRejectedIfBothComeAtOnce) {
  using Kind = ScriptStep::Kind;
  ScriptProbe probe({{.kind = Kind::Expect, .bytes = "220 ", .reject = "0 "}});
  EXPECT_EQ(verdict(probe, "220 x"), "L7RSP -1 TCPCHK matched unwanted content '0 ' at step 1");
  ScriptProbe later({{.kind = Kind::Expect, .bytes = "220 ", .reject = "0 -"}});
  EXPECT_EQ(verdict(later, "220 -"), "L7OK -1 ");
}

TEST(HttpProbe, LooksAtNoMoreThan64KiB) {
  HttpProbe probe("", {.must = {.body = {"ready"}}});
  const std::string head = "HTTP/1.0 200 OK\r\n\r\n", much(65536 - 5, 'x');
  EXPECT_EQ(short_code(talk(probe, head + much + "ready", SIZE_MAX).result.status), "L7OK");
  EXPECT_EQ(short_code(talk(probe, head + much + "xready", SIZE_MAX).result.status), "L7RSP");
  EXPECT_EQ(talk(probe, "HTTP/1.0 200 OK\r\nX: " + much + "xxxxx\r\n\r\nready", SIZE_MAX).result.info,
            "the head is too long");
}

TEST(RedisProbe, WantsAPong) {
  RedisProbe probe;
  EXPECT_EQ(talk(probe, "+PONG\r\n").sent, "*1\r\n$4\r\nPING\r\n");
  EXPECT_EQ(verdict(probe, "+PONG\r\n"), "L7OK 0 Redis server is ok");
  EXPECT_EQ(verdict(probe, "-NOAUTH Authentication required.\r\n"),
            "L7STS 0 -NOAUTH Authentication required.");
}

TEST(SmtpProbe, ReadsNoEndlessLine) {
  SmtpProbe probe("EHLO lb");
  for (const std::size_t size : {std::size_t{4096}, SIZE_MAX})
    EXPECT_EQ(talk(probe, "220 " + std::string(70000, 'x') + "\r\n", size).result.status, ProbeStatus::L7Invalid);
}

TEST(SmtpProbe, GreetsAndLeaves) {
  SmtpProbe probe("EHLO lb");
  const Outcome good = talk(probe, "220-one\r\n220 two\r\n250-mail\r\n250 SIZE\r\n");
  EXPECT_EQ(good.sent, "EHLO lb\r\nQUIT\r\n");
  EXPECT_EQ(verdict(probe, "220 x\r\n250 mail\r\n"), "L7OK 250 mail");
  EXPECT_EQ(verdict(probe, "421 go away\r\n"), "L7STS 421 go away");
  EXPECT_EQ(verdict(probe, "hello\r\n"), "L7RSP -1 hello");
}

TEST(PostgresqlProbe, IsContentToBeAskedForAPassword) {
  PostgresqlProbe probe("hap");
  const Outcome good = talk(probe, "R\0\0\0\x0c\0\0\0\5salt"sv);
  EXPECT_EQ(good.sent, "\0\0\0\x12\0\3\0\0user\0hap\0\0"sv);  // as HAProxy's
  EXPECT_EQ(good.result.status, ProbeStatus::L7Ok);
  EXPECT_EQ(verdict(probe, "E\0\0\0\x1dSFATAL\0C57P03\0Mstarting\0\0"sv), "L7STS 0 starting");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 400"), "L7STS 0 PostgreSQL unknown error");
  EXPECT_EQ(verdict(probe, "S\0\0\0\x08\0\0\0\0"sv), "L7STS 0 PostgreSQL unknown error");
}

TEST(PostgresqlProbe, WaitsForItsSessionWhereNoPasswordIsWanted) {
  PostgresqlProbe probe("hap");
  const std::string let_in("R\0\0\0\x08\0\0\0\0"sv);
  EXPECT_EQ(verdict(probe, let_in), "L7RSP -1 ");  // and then it closed
  const Outcome good = talk(probe, let_in + std::string("N\0\0\0\6hi"sv) + std::string("S\0\0\0\x08""a\0b\0"sv));
  EXPECT_EQ(good.result.info, "PostgreSQL server is ok");
  EXPECT_TRUE(good.sent.ends_with("X\0\0\0\4"sv));
  EXPECT_EQ(verdict(probe, let_in + std::string("E\0\0\0\x1a""C28000\0Mno such role\0\0"sv)), "L7STS 0 no such role");
  EXPECT_EQ(verdict(probe, let_in + std::string("E\0\0\0\x19""C3D000\0Mno database\0\0"sv)),
            "L7OK 0 PostgreSQL server is ok");
}

TEST(LdapProbe, BindsAnonymously) {
  LdapProbe probe;
  EXPECT_EQ(verdict(probe, "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"sv),
            "L7OK 0 LDAP server is ok");
  EXPECT_EQ(verdict(probe, "\x30\x84\0\0\0\x10\x02\x01\x01\x61\x84\0\0\0\x07\x0a\x01\x30\x04\x00\x04\x00"sv),
            "L7STS 48 See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9");
  EXPECT_EQ(verdict(probe, "HTTP/1.1 200"), "L7RSP -1 Not LDAPv3 protocol");
}

constexpr auto kGreeting = "\x10\0\0\0\x0a"
                           "5.5.5-10.11\0xxx"sv;

TEST(MysqlProbe, TakesTheGreetingWhereItHasNoUser) {
  MysqlProbe probe("");
  EXPECT_EQ(verdict(probe, kGreeting), "L7OK 0 5.5.5-10.11");
  EXPECT_EQ(verdict(probe, "\x11\0\0\0\xff\x69\x04Host is blocked"sv.substr(0, 21)), "L7STS 1129 Host is blocke");
}

TEST(MysqlProbe, LogsInWithoutAPassword) {
  MysqlProbe probe("haproxy");
  const std::string ok = std::string(kGreeting) + std::string("\x03\0\0\2\0\0\0"sv);
  const Outcome good = talk(probe, ok);
  EXPECT_EQ(good.result.status, ProbeStatus::L7Ok);
  EXPECT_NE(good.sent.find("haproxy"), good.sent.npos);
  EXPECT_TRUE(good.sent.ends_with("\1\0\0\0\1"sv)) << "it says good-bye";
  const std::string refused = std::string(kGreeting) + std::string("\x0d\0\0\2\xff\x15\x04#28000Denied"sv).substr(0, 17);
  EXPECT_EQ(verdict(probe, refused), "L7STS 1045 Deni");
}

TEST(AgentReply, UnderstandsEveryWord) {
  const AgentReply reply = parse_agent_reply("ready up 50% maxconn:7 # all is well\r");
  EXPECT_EQ(reply.wish, AgentReply::Wish::Ready);
  EXPECT_EQ(reply.up, true);
  EXPECT_EQ(reply.percent, 50U);
  EXPECT_EQ(reply.maxconn, 7U);
  EXPECT_EQ(reply.result.info, "via agent : up (all is well)");
  EXPECT_EQ(parse_agent_reply("weight:7").weight, 7U);
  EXPECT_EQ(parse_agent_reply("weight:30%").percent, 30U);
  EXPECT_EQ(parse_agent_reply("down #too hot\n").result.info, "via agent : down (too hot)");
  EXPECT_EQ(parse_agent_reply("down").result.status, ProbeStatus::L7Status);
  EXPECT_EQ(parse_agent_reply("drain").result.status, ProbeStatus::NoChange);
}

TEST(AgentReply, UnderstandsCapitalLettersAndRepeatsThem) {
  const AgentReply up = parse_agent_reply("Ready UP 75% MaxConn:7");
  EXPECT_EQ(up.wish, AgentReply::Wish::Ready);
  EXPECT_EQ(up.up, true);
  EXPECT_EQ(up.percent, 75U);
  EXPECT_EQ(up.maxconn, 7U);
  EXPECT_EQ(parse_agent_reply("WEIGHT:30%").percent, 30U);
  const AgentReply down = parse_agent_reply("DOWN # too hot\n");
  EXPECT_EQ(down.result.status, ProbeStatus::L7Status);
  EXPECT_EQ(down.result.info, "via agent : DOWN (too hot)");
  EXPECT_EQ(parse_agent_reply("UP Nonsense").result.info, "agent reports an error : Nonsense");
}

TEST(AgentReply, OfALongLineTheFirst1024BytesCount) {
  AgentProbe probe("");
  for (const std::size_t size : {std::size_t{1}, SIZE_MAX})
    EXPECT_EQ(talk(probe, "up" + std::string(1022, ' ') + "nonsense\n", size).result.info, "via agent : up");
}

TEST(AgentReply, ALineWithAStrangeWordCountsForNothing) {
  const AgentReply reply = parse_agent_reply("down 999999% weight:x");
  EXPECT_FALSE(reply.up);
  EXPECT_FALSE(reply.percent);
  EXPECT_EQ(reply.result.info, "agent reports an error : 999999%");
}

}  // namespace
}  // namespace hapair::health
