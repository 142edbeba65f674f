// Probes within TLS, against a server that is an engine too.
#include "proxy/health/tls_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

#include "proxy/health/http_probe.h"
#include "proxy/health/smtp_probe.h"
#include "tests/proxy/tls/certificates.h"

namespace hapair::health {
namespace {

using tls::Engine;

/// A server that speaks TLS: it says `greeting`, and answers what it hears.
class Server {
 public:
  using Answer = std::function<std::string(const std::string& heard)>;
  Server(const tls::Pems& pems, std::string greeting, Answer answer)
      : identity_(*tls::Identity::of(pems.certificate, pems.key)),
        engine_(*identity_),
        greeting_(std::move(greeting)),
        answer_(std::move(answer)) {}

  /// What it sends after it got `bytes`.
  std::string on_bytes(std::string_view bytes) {
    engine_.receive(bytes);
    char room[1000];
    for (;;) {
      const auto event = engine_.next(room);
      if (event == Engine::Event::Established) {
        engine_.send(greeting_);
      } else if (event == Engine::Event::Text) {
        heard += engine_.text();
        if (answer_) engine_.send(answer_(heard));
      } else {
        said_goodbye = event == Engine::Event::Closed;
        break;
      }
    }
    std::string out(engine_.outgoing());
    engine_.sent(out.size());
    return out;
  }
  /// What it sends to say that it has nothing more to say.
  std::string close() {
    engine_.close();
    return std::string(engine_.outgoing());
  }

  std::string heard;
  bool said_goodbye = false;

 private:
  std::shared_ptr<const tls::Identity> identity_;
  Engine engine_;
  std::string greeting_;
  Answer answer_;
};

struct TlsProbes : testing::Test {
  TlsProbe probe(std::unique_ptr<Conversation> inner, const std::string& name = "one.test") {
    return {*tls::Trust::of(lab.own().certificate), {.name = name}, std::move(inner)};
  }
  /// The verdict, or none if the server falls silent first. Its bytes come `size` at a time.
  static std::optional<ProbeResult> talk(TlsProbe& probe, Server& server, std::size_t size = SIZE_MAX) {
    auto turn = probe.begin();
    std::string coming;
    for (;;) {
      coming += server.on_bytes(turn.send);
      if (turn.verdict) return turn.verdict;
      if (coming.empty()) return std::nullopt;
      turn = probe.on_bytes(std::string_view(coming).substr(0, size));
      coming.erase(0, size);
    }
  }

  const tls::TestAuthority lab{"Lab CA"};
  const tls::Pems one = lab.issue_for("one.test");
};

TEST_F(TlsProbes, PassAtLayer6WhenTheHandshakeIsAll) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, SIZE_MAX}) {
    auto tcp = probe(nullptr);
    Server server(one, "", {});
    const auto result = talk(tcp, server, size);
    ASSERT_TRUE(result);
    EXPECT_EQ(short_code(result->status), "L6OK");
    EXPECT_EQ(description(result->status), "Layer6 check passed");
    EXPECT_TRUE(result->passed());
    EXPECT_TRUE(server.said_goodbye);
  }
}

TEST_F(TlsProbes, AreHeldAgainstTheCertificate) {
  auto tcp = probe(nullptr, "two.test");
  Server server(one, "", {});
  const auto result = talk(tcp, server);
  ASSERT_TRUE(result);
  EXPECT_EQ(short_code(result->status), "L6RSP");
  EXPECT_EQ(description(result->status), "Layer6 invalid response");
  EXPECT_EQ(result->info, "the certificate is not for two.test but for one.test");
}

TEST_F(TlsProbes, CarryARequestAndItsAnswer) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, SIZE_MAX}) {
    HttpProbe::Settings settings{.must = {.body = {"ready"}}};
    auto http = probe(std::make_unique<HttpProbe>("GET / HTTP/1.0\r\n\r\n", settings));
    Server server(one, "", [](const std::string& heard) {
      return heard.ends_with("\r\n\r\n") ? "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nready" : "";
    });
    const auto result = talk(http, server, size);
    ASSERT_TRUE(result);
    EXPECT_EQ(short_code(result->status), "L7OK");
    EXPECT_EQ(result->code, 200);
    EXPECT_EQ(server.heard, "GET / HTTP/1.0\r\n\r\n");
  }
}

TEST_F(TlsProbes, SayTheirFarewellsWithinIt) {
  auto smtp = probe(std::make_unique<SmtpProbe>("HELO lb"));
  EXPECT_FALSE(smtp.server_talks_first());  // though a mail server does
  Server server(one, "220 mail\r\n", [](const std::string& heard) {
    return heard == "HELO lb\r\n" ? "250 hello\r\n" : "";
  });
  const auto result = talk(smtp, server);
  ASSERT_TRUE(result);
  EXPECT_EQ(short_code(result->status), "L7OK");
  EXPECT_EQ(server.heard, "HELO lb\r\nQUIT\r\n");
  EXPECT_TRUE(server.said_goodbye);
}

TEST_F(TlsProbes, TakeTheEndOfTheTextForTheServersEnd) {
  HttpProbe::Settings settings{.must = {.body = {"ready"}}};
  auto http = probe(std::make_unique<HttpProbe>("GET / HTTP/1.0\r\n\r\n", settings));
  Server server(one, "HTTP/1.0 200 OK\r\n\r\nnot yet", {});
  EXPECT_FALSE(talk(http, server));
  const auto turn = http.on_bytes(server.close());
  ASSERT_TRUE(turn.verdict);
  EXPECT_EQ(turn.verdict->info, "HTTP content check did not match");
}

TEST_F(TlsProbes, TellTheHandshakesTroublesFromTheConversations) {
  auto http = probe(std::make_unique<HttpProbe>("GET / HTTP/1.0\r\n\r\n", HttpProbe::Settings{}));
  http.begin();
  EXPECT_EQ(short_code(http.on_timeout().status), "L6TOUT");
  EXPECT_EQ(description(http.on_timeout().status), "Layer6 timeout");
  EXPECT_EQ(short_code(http.on_end(0).status), "L6RSP");
  EXPECT_EQ(http.on_end(0).info, "the other side closed during the handshake");
  EXPECT_EQ(http.on_end(ECONNRESET).info, "Connection reset by peer");
  const auto turn = http.on_bytes("220 mail\r\n");
  ASSERT_TRUE(turn.verdict);
  EXPECT_EQ(short_code(turn.verdict->status), "L6RSP");
  EXPECT_EQ(turn.verdict->info, "the other side does not speak TLS");

  Server silent(one, "", {});
  EXPECT_FALSE(talk(http, silent));
  EXPECT_EQ(short_code(http.on_timeout().status), "L7TOUT");
  EXPECT_EQ(short_code(http.on_end(0).status), "L7RSP");
}

}  // namespace
}  // namespace hapair::health
