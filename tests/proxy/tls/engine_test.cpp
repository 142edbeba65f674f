// Two engines that talk to each other, without a socket between them.
#include "proxy/tls/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "tests/proxy/tls/certificates.h"

namespace hapair::tls {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using Event = Engine::Event;

/// What one side has lived through.
struct Side {
  explicit Side(Engine& of) : engine(of) {}

  /// Everything that follows from what it has received.
  void live() {
    char room[100];
    for (;;) {
      last = engine.next(room);
      if (last == Event::Hungry || last == Event::Closed || last == Event::Failed) return;
      if (last == Event::Established) established = true;
      if (last == Event::Text) heard += engine.text();
    }
  }

  Engine& engine;
  Event last = Event::Hungry;
  bool established = false;
  std::string heard;
};

/// A client and a server joined by a wire that carries `size` bytes at a time.
class Wire {
 public:
  Wire(const Trust& trust, Peer peer, const Identity& identity, std::size_t size = SIZE_MAX)
      : client_engine_(trust, std::move(peer)), server_engine_(identity), size_(size) {}

  /// Until nobody has anything to say.
  void run() {
    while (carry(client, server) | carry(server, client)) {
    }
  }

 private:
  Engine client_engine_, server_engine_;
  const std::size_t size_;

 public:
  Side client{client_engine_}, server{server_engine_};

 private:
  bool carry(Side& from, Side& to) {
    const std::string bytes(from.engine.outgoing().substr(0, size_));
    from.engine.sent(bytes.size());
    to.engine.receive(bytes);
    to.live();
    return !bytes.empty();
  }
};

struct Engines : testing::Test {
  std::shared_ptr<const Trust> trust(const TestAuthority& authority) {
    return *Trust::of(authority.own().certificate);
  }
  static std::shared_ptr<const Identity> identity(const Pems& pems) {
    return *Identity::of(pems.certificate, pems.key);
  }
  /// Why a client who wants `peer` does not believe a server with `pems`.
  std::string refusal(const Pems& pems, const Peer& peer) {
    const auto identity_of_server = identity(pems);
    const auto trusted = trust(lab);
    Wire wire(*trusted, peer, *identity_of_server);
    wire.run();
    EXPECT_EQ(wire.client.last, Event::Failed);
    EXPECT_FALSE(wire.client.established);
    EXPECT_EQ(wire.server.last, Event::Failed);  // and the server was told
    return wire.client.engine.failure();
  }
  static TestAuthority::Wish named(const std::string& name) {
    return {.subject = name, .extensions = {{NID_subject_alt_name, "DNS:" + name}}};
  }

  const TestAuthority lab{"Lab CA"};
  const Pems one = lab.issue_for("one.test");
};

TEST_F(Engines, AgreeAndTalkHoweverTheBytesAreCut) {
  const auto trusted = trust(lab);
  const auto server = identity(one);
  for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, SIZE_MAX}) {
    Wire wire(*trusted, {.name = "one.test"}, *server, size);
    wire.run();
    ASSERT_TRUE(wire.client.established && wire.server.established) << wire.client.engine.failure();
    wire.client.engine.send("a question");
    const std::string answer(100'000, 'x');
    wire.server.engine.send(answer);
    wire.run();
    EXPECT_EQ(wire.server.heard, "a question");
    EXPECT_EQ(wire.client.heard, answer);
    wire.client.engine.close();
    wire.run();
    EXPECT_EQ(wire.server.last, Event::Closed);
    EXPECT_EQ(wire.client.last, Event::Hungry);
  }
}

TEST_F(Engines, GiveNoMoreTextThanThereIsRoomFor) {
  const auto trusted = trust(lab);
  const auto server = identity(one);
  Wire wire(*trusted, {.name = "one.test"}, *server);
  wire.run();
  wire.server.engine.send("abcdef");
  const std::string bytes(wire.server.engine.outgoing());
  wire.client.engine.receive(bytes);
  char room[4];
  EXPECT_EQ(wire.client.engine.next(room), Event::Text);
  EXPECT_EQ(wire.client.engine.text(), "abcd");
  EXPECT_EQ(wire.client.engine.next(room), Event::Text);
  EXPECT_EQ(wire.client.engine.text(), "ef");
  EXPECT_EQ(wire.client.engine.next(room), Event::Hungry);
}

TEST_F(Engines, SentInPartsLeavesTheRest) {
  const auto trusted = trust(lab);
  Engine client(*trusted, {.name = "one.test"});
  const std::string hello(client.outgoing());
  ASSERT_GT(hello.size(), 100U);
  client.sent(100);
  EXPECT_EQ(client.outgoing(), std::string_view(hello).substr(100));
  client.sent(hello.size());
  EXPECT_EQ(client.outgoing(), "");
}

TEST_F(Engines, AskForTheServerByName) {
  const auto trusted = trust(lab);
  EXPECT_THAT(std::string(Engine(*trusted, {.name = "one.test"}).outgoing()), HasSubstr("one.test"));
  EXPECT_THAT(std::string(Engine(*trusted, {.address = *IpAddress::parse("10.0.0.1")}).outgoing()),
              Not(HasSubstr("10.0.0.1")));
}

TEST_F(Engines, RefuseACertificateThatIsOutOfDate) {
  auto old = named("one.test");
  old.from = -7200, old.until = -3600;
  EXPECT_THAT(refusal(lab.issue(old), {.name = "one.test"}),
              MatchesRegex("the certificate of one.test expired on ....-..-.. ..:.. UTC"));
  auto early = named("one.test");
  early.from = 3600, early.until = 7200;
  EXPECT_THAT(refusal(lab.issue(early), {.name = "one.test"}),
              MatchesRegex("the certificate of one.test is not valid before ....-..-.. ..:.. UTC"));
}

TEST_F(Engines, RefuseACertificateForSomebodyElse) {
  EXPECT_EQ(refusal(one, {.name = "two.test"}), "the certificate is not for two.test but for one.test");
  EXPECT_EQ(refusal(lab.issue({.subject = "x",
                               .extensions = {{NID_subject_alt_name,
                                               "DNS:*.a.test,IP:10.0.0.1,IP:fe80::1,URI:x:y,DNS:c.test,DNS:d.test"}}}),
                    {.address = *IpAddress::parse("10.0.0.2")}),
            "the certificate is not for 10.0.0.2 but for *.a.test, 10.0.0.1, fe80::1, c.test …");
  EXPECT_EQ(refusal(lab.issue({.subject = "old style"}), {.name = "two.test"}),
            "the certificate is not for two.test but for old style");
}

TEST_F(Engines, RefuseACertificateOfAnUnknownAuthority) {
  const TestAuthority other("Other CA");
  EXPECT_EQ(refusal(other.issue_for("one.test"), {.name = "one.test"}),
            "the certificate of one.test is of an unknown authority, Other CA");
  EXPECT_EQ(refusal(other.own(), {.name = "Other CA"}), "the certificate of Other CA is signed by itself");
  const Pems leaf = other.issue_for("one.test");
  EXPECT_EQ(refusal({leaf.certificate + other.own().certificate, leaf.key}, {.name = "one.test"}),
            "the certificate is of an unknown authority, Other CA");
}

TEST_F(Engines, RefuseACertificateForAnotherPurpose) {
  TestAuthority::Wish wish = named("one.test");
  wish.extensions.push_back({NID_ext_key_usage, "clientAuth"});
  EXPECT_THAT(refusal(lab.issue(wish), {.name = "one.test"}), HasSubstr("the certificate of one.test: "));
}

TEST_F(Engines, BelieveAnAddressThatTheCertificateIsFor) {
  const auto trusted = trust(lab);
  for (const char* address : {"10.0.0.1", "fe80::1"}) {
    const auto server = identity(
        lab.issue({.subject = "x", .extensions = {{NID_subject_alt_name, std::string("IP:") + address}}}));
    Wire wire(*trusted, {.address = *IpAddress::parse(address)}, *server);
    wire.run();
    EXPECT_TRUE(wire.client.established) << address << " " << wire.client.engine.failure();
  }
}

TEST_F(Engines, BelieveAnybodyIfThatIsWanted) {
  auto old = named("two.test");
  old.until = -1;
  const auto server = identity(TestAuthority("Other CA").issue(old));
  Wire wire(*Trust::everybody(), {.name = "one.test"}, *server);
  wire.run();
  EXPECT_TRUE(wire.client.established);
}

TEST_F(Engines, SayThatTheOtherSideSpeaksNoTls) {
  const auto trusted = trust(lab);
  for (const std::string_view answer :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail ESMTP\r\n", "SSH-2.0-OpenSSH_9.2\r\n"}) {
    Engine client(*trusted, {.name = "one.test"});
    client.receive(answer);
    char room[10];
    EXPECT_EQ(client.next(room), Event::Failed) << answer;
    EXPECT_EQ(client.failure(), "the other side does not speak TLS") << answer;
    EXPECT_EQ(client.next(room), Event::Failed) << "it stays so";
  }
}

TEST_F(Engines, TellOfTheOtherSidesRefusal) {
  const auto trusted = trust(lab);
  Engine client(*trusted, {.name = "one.test"});
  client.receive(std::string_view("\x15\x03\x03\x00\x02\x02\x46", 7));  // alert, fatal, 70
  char room[10];
  EXPECT_EQ(client.next(room), Event::Failed);
  EXPECT_EQ(client.failure(), "the other side refused: protocol version");
}

TEST_F(Engines, FailWhenTheOtherSideTakesItsLeaveInTheHandshake) {
  const auto trusted = trust(lab);
  Engine client(*trusted, {.name = "one.test"});
  client.receive(std::string_view("\x15\x03\x03\x00\x02\x01\x00", 7));  // alert, warning, close_notify
  char room[10];
  EXPECT_EQ(client.next(room), Event::Failed);
  EXPECT_EQ(client.failure(), "the other side closed during the handshake");
}

TEST_F(Engines, FailWhenARecordIsForged) {
  const auto trusted = trust(lab);
  const auto server = identity(one);
  Wire wire(*trusted, {.name = "one.test"}, *server);
  wire.run();
  wire.server.engine.send("true");
  std::string bytes(wire.server.engine.outgoing());
  bytes.back() ^= 1;
  wire.client.engine.receive(bytes);
  wire.client.live();
  EXPECT_EQ(wire.client.last, Event::Failed);
  EXPECT_EQ(wire.client.heard, "");
  EXPECT_NE(wire.client.engine.failure(), "");
  EXPECT_NE(wire.client.engine.outgoing(), "");  // an alert
}

TEST(Trust, IsOneObjectForOneText) {
  const std::string lab = TestAuthority("Lab CA").own().certificate;
  const std::string other = TestAuthority("Other CA").own().certificate;
  const auto first = *Trust::of(lab);
  EXPECT_EQ(first, *Trust::of(lab));
  EXPECT_NE(first, *Trust::of(lab + other));
  EXPECT_TRUE(Trust::of("words\n" + lab + "more words\n" + lab));
}

TEST(Trust, SaysWhatIsNoCertificate) {
  EXPECT_EQ(Trust::of("").error().message, "there is no certificate (-----BEGIN CERTIFICATE-----)");
  EXPECT_FALSE(Trust::of(TestAuthority("Lab CA").own().key));
  const std::string lab = TestAuthority("Lab CA").own().certificate;
  std::string broken = lab;
  broken.replace(broken.size() / 2, 4, "????");
  EXPECT_THAT(Trust::of(lab + broken).error().message, HasSubstr("certificate 2 cannot be read: "));
  EXPECT_THAT(Trust::of(lab + lab.substr(0, lab.size() / 2)).error().message, HasSubstr("certificate 2"));
}

TEST(Identity, NeedsTheCertificatesOwnKey) {
  const TestAuthority lab("Lab CA");
  const Pems one = lab.issue_for("one.test"), two = lab.issue_for("two.test");
  EXPECT_TRUE(Identity::of(one.certificate, one.key));
  EXPECT_THAT(Identity::of(one.certificate, two.key).error().message,
              HasSubstr("the key is not the certificate's: "));
  EXPECT_THAT(Identity::of(one.certificate, "no key").error().message, HasSubstr("the key cannot be read: "));
  EXPECT_FALSE(Identity::of("", one.key));
}

}  // namespace
}  // namespace hapair::tls
