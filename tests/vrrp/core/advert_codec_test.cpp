#include "vrrp/core/advert_codec.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/vrrp/hex.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using Kind = Authentication::Kind;
using Mode = Authentication::Mode;

const IpAddress kOurs = IpAddress::v4(0xC0A8320B);    // 192.168.50.11
const IpAddress kTheirs = IpAddress::v4(0xC0A8320C);  // 192.168.50.12
const IpAddress kVirtual = IpAddress::v4(0xC0A8320A);
const Endpoints kWay{kTheirs, group(false)};
const WallTime kNow{1'795'780'000s};
const KeyRing kKeys{{{.id = 1, .secret = std::string(32, 'k')}, {.id = 2, .secret = std::string(32, 'l')}}};

AdvertCodec::Settings settings(Authentication auth = {}, Version version = Version::V2) {
  return {.version = version, .virtual_router_id = 51, .auth = std::move(auth), .own = {kOurs},
          .peers = {kTheirs}};
}
/// The other node's.
AdvertCodec sender(Authentication auth = {}, Version version = Version::V2) {
  auto theirs = settings(std::move(auth), version);
  theirs.own = {kTheirs};
  return AdvertCodec(theirs);
}
Authentication signing(Mode mode = Mode::Enforce) {
  return {.kind = Kind::Trailer, .keys = kKeys, .mode = mode};
}
const Authentication kHeader{.kind = Kind::Header, .password = auth_bytes("PASSWORD")};

Bytes speak(AdvertCodec& codec, WallTime now = kNow, std::uint8_t priority = 103) {
  return codec.encode(priority, {kVirtual}, kWay, now);
}
tl::expected<Advert, Refusal> hear(AdvertCodec& codec, const Bytes& packet, WallTime now = kNow) {
  return codec.decode(*read_ipv4(packet), now);
}
Refusal refusal(AdvertCodec& codec, const Bytes& packet, WallTime now = kNow) {
  const auto advert = hear(codec, packet, now);
  if (advert) throw std::logic_error("was believed");
  return advert.error();
}
Bytes with(Bytes packet, std::size_t at, std::uint8_t value) {
  packet[at] = value;
  return packet;
}

TEST(AdvertCodec, UnderstandsItselfInEveryWayOfAuthentication) {
  for (const Version version : {Version::V2, Version::V3})
    for (const Authentication& auth :
         {Authentication{}, Authentication{.kind = Kind::Password, .password = auth_bytes("x")},
          kHeader, signing()}) {
      if (version == Version::V3 && (auth.kind == Kind::Password || auth.kind == Kind::Header))
        continue;
      AdvertCodec theirs = sender(auth, version), ours(settings(auth, version));
      for (int i = 0; i < 3; ++i) {
        const auto advert = hear(ours, speak(theirs));
        ASSERT_TRUE(advert) << to_string(advert.error());
        EXPECT_EQ(advert->priority, 103);
        EXPECT_EQ(advert->addresses, std::vector{kVirtual});
      }
    }
}

TEST(AdvertCodec, NeverGivesAPacketTheIdZeroWhichTheKernelWouldReplace) {
  AdvertCodec codec = sender();
  for (int i = 0; i < 70'000; ++i) {
    const Bytes packet = speak(codec);
    ASSERT_NE(load_be16(&packet[4]), 0);
  }
}

// ---- who may speak

TEST(AdvertCodec, HearsOnlyItsPeers) {
  AdvertCodec theirs = sender(), ours(settings());
  const Bytes packet = speak(theirs);
  EXPECT_EQ(refusal(ours, with(packet, 15, 13)), Refusal::Stranger) << ".13";
  EXPECT_EQ(refusal(ours, with(packet, 15, 11)), Refusal::OwnAddress) << ".11";
  EXPECT_EQ(refusal(ours, with(packet, 8, 254)), Refusal::Ttl);
  EXPECT_EQ(refusal(ours, with(packet, 9, 6)), Refusal::Header) << "TCP";
}

TEST(AdvertCodec, HearsWhoeverIsOnTheLinkWhenNoPeersAreKnown) {
  auto anyone = settings();
  anyone.peers.clear();
  AdvertCodec theirs = sender(), ours(anyone);
  const Bytes packet = speak(theirs);
  EXPECT_EQ(refusal(ours, packet), Refusal::Stranger) << "the link is not known yet";
  ours.set_networks({*Cidr::parse("192.168.50.11/24")});
  EXPECT_TRUE(hear(ours, packet));
  EXPECT_EQ(refusal(ours, with(packet, 12, 8)), Refusal::Stranger) << "8.168.50.12 is not on it";
}

TEST(AdvertCodec, IsNotTroubledByOtherRoutersOfTheLink) {
  AdvertCodec ours(settings());
  auto other = settings();
  other.virtual_router_id = 52;
  AdvertCodec theirs(other);
  EXPECT_EQ(refusal(ours, with(speak(theirs), 15, 99)), Refusal::Vrid) << "a stranger, but not ours";
  EXPECT_EQ(refusal(ours, with(speak(theirs), 8, 1)), Refusal::Vrid) << "nor is how far it has come";
}

TEST(AdvertCodec, LooksAtTheHopsOfUnicastOnlyWhenAsked) {
  const auto unicast = [](int least) {
    auto out = settings();
    out.least_ttl = static_cast<std::uint8_t>(least);
    return out;
  };
  AdvertCodec theirs = sender();
  Bytes packet = theirs.encode(103, {kVirtual}, {kTheirs, kOurs}, kNow);
  packet[8] = 60;
  AdvertCodec any(unicast(0)), near(unicast(64));
  EXPECT_TRUE(hear(any, packet));
  EXPECT_EQ(refusal(near, packet), Refusal::Ttl);
}

TEST(AdvertCodec, TellsWhoAuthenticatesInAnotherWay) {
  AdvertCodec bare = sender(), header = sender(kHeader), trailer = sender(signing());
  AdvertCodec wants_none(settings()), wants_header(settings(kHeader)), wants_trailer(settings(signing()));
  EXPECT_EQ(refusal(wants_none, speak(header)), Refusal::AuthKind);
  EXPECT_EQ(refusal(wants_none, speak(trailer)), Refusal::AuthKind);
  EXPECT_EQ(refusal(wants_header, speak(bare)), Refusal::AuthKind);
  EXPECT_EQ(refusal(wants_header, speak(trailer)), Refusal::AuthKind);
  EXPECT_EQ(refusal(wants_trailer, speak(bare)), Refusal::AuthKind);
  EXPECT_EQ(refusal(wants_trailer, speak(header)), Refusal::AuthKind);
}

// ---- the header

TEST(AdvertCodec, BelievesNothingWithAHeaderTwiceNorBackwards) {
  AdvertCodec theirs = sender(kHeader), ours(settings(kHeader));
  const Bytes first = speak(theirs), second = speak(theirs), third = speak(theirs);
  EXPECT_TRUE(hear(ours, second));
  EXPECT_EQ(refusal(ours, second), Refusal::Replay);
  EXPECT_EQ(refusal(ours, first), Refusal::Replay);
  EXPECT_TRUE(hear(ours, third));
}

TEST(AdvertCodec, GoesOnFromTheNumberItHeardAsKeepalivedExpects) {
  AdvertCodec theirs = sender(kHeader), ours(settings(kHeader));
  for (int i = 0; i < 40; ++i) speak(theirs);
  ASSERT_TRUE(hear(ours, speak(theirs)));  // 41
  const Bytes answer = ours.encode(100, {kVirtual}, {kOurs, group(false)}, kNow);
  EXPECT_EQ(load_be32(&answer[28]), 42U);
}

TEST(AdvertCodec, TwoWhoSpeakAtOnceDoNotSilenceEachOther) {
  // Keepalived has one number for all and drops the second of these.
  auto three = settings(kHeader);
  const IpAddress third = IpAddress::v4(0xC0A8320D);
  three.peers.push_back(third);
  AdvertCodec ours(three), a = sender(kHeader), b = sender(kHeader);
  for (int i = 0; i < 9; ++i) speak(a);
  EXPECT_TRUE(hear(ours, speak(a)));  // 10
  EXPECT_TRUE(hear(ours, b.encode(90, {kVirtual}, {third, group(false)}, kNow)));  // 1
}

TEST(AdvertCodec, IsNotDrivenToTheEndOfItsNumbers) {
  AdvertCodec theirs = sender(kHeader), ours(settings(kHeader));
  theirs.resume({.sequence = 0xFFFFFFFD});
  ASSERT_TRUE(hear(ours, speak(theirs))) << "an insider with a number near the end";
  const Bytes answer = ours.encode(100, {kVirtual}, {kOurs, group(false)}, kNow);
  EXPECT_EQ(load_be32(&answer[28]), 1U) << "a jump of half the circle is not followed";
}

TEST(AdvertCodec, RemembersOverARestartWhatItHeard) {
  AdvertCodec theirs = sender(kHeader), ours(settings(kHeader));
  const Bytes old = speak(theirs);
  ASSERT_TRUE(hear(ours, speak(theirs)));
  AdvertCodec again(settings(kHeader));
  again.resume(ours.memory());
  EXPECT_EQ(refusal(again, old), Refusal::Replay);
  EXPECT_TRUE(hear(again, speak(theirs)));
}

// ---- the trailer

TEST(AdvertCodec, RefusesAReplayedSignature) {
  AdvertCodec theirs = sender(signing()), ours(settings(signing()));
  const Bytes first = speak(theirs), second = speak(theirs);
  EXPECT_TRUE(hear(ours, second));
  EXPECT_EQ(refusal(ours, second), Refusal::Replay);
  EXPECT_EQ(refusal(ours, first), Refusal::Replay);
}

TEST(AdvertCodec, RefusesASignatureOfAnotherTimeAndSaysThatItIsTheClock) {
  AdvertCodec theirs = sender(signing()), ours(settings(signing()));
  EXPECT_EQ(refusal(ours, speak(theirs, kNow - 6s)), Refusal::Clock);
  EXPECT_EQ(refusal(ours, speak(theirs, kNow + 6s)), Refusal::Clock);
  AdvertCodec fresh = sender(signing());
  EXPECT_TRUE(hear(ours, speak(fresh, kNow - 4s)));
  Authentication untimed = signing();
  untimed.timed = false;
  AdvertCodec monotonic(settings(untimed)), slow = sender(untimed);
  EXPECT_TRUE(hear(monotonic, speak(slow, kNow - 1h)));
}

TEST(AdvertCodec, BelievesASenderAgainWhoseClockWasSetRight) {
  AdvertCodec ours(settings(signing()));
  AdvertCodec ahead = sender(signing());
  ASSERT_TRUE(hear(ours, speak(ahead, kNow + 4s)));
  AdvertCodec right = sender(signing());
  EXPECT_EQ(refusal(ours, speak(right, kNow + 1s), kNow + 1s), Refusal::Replay) << "not yet";
  EXPECT_TRUE(hear(ours, speak(right, kNow + 10s), kNow + 10s)) << "the mark is out of the window";
}

TEST(AdvertCodec, ChangesKeysWithoutAMomentInWhichNobodyUnderstands) {
  KeyRing swapped = kKeys;
  std::swap(swapped.keys[0], swapped.keys[1]);
  Authentication with_new = signing();
  with_new.keys = swapped;
  AdvertCodec theirs = sender(with_new), ours(settings(signing()));
  EXPECT_TRUE(hear(ours, speak(theirs))) << "signed with 2, which we know";
  Authentication old_only = signing();
  old_only.keys.keys.pop_back();
  AdvertCodec late(settings(old_only));
  EXPECT_EQ(refusal(late, speak(theirs)), Refusal::Key);
  Authentication forged = signing();
  forged.keys.keys[0].secret = std::string(32, 'z');
  AdvertCodec forger = sender(forged);
  EXPECT_EQ(refusal(ours, speak(forger)), Refusal::Signature);
}

TEST(AdvertCodec, RemembersWhatItHeardWhenItsSettingsChange) {
  AdvertCodec theirs = sender(signing()), ours(settings(signing()));
  const Bytes first = speak(theirs);
  EXPECT_TRUE(hear(ours, first));
  Authentication old_only = signing();
  old_only.keys.keys.pop_back();
  ours.change(settings(old_only));
  EXPECT_EQ(refusal(ours, first), Refusal::Replay);
  EXPECT_TRUE(hear(ours, speak(theirs)));
}

TEST(AdvertCodec, LetsAPairMigrateNodeByNode) {
  AdvertCodec bare = sender(), permissive = sender(signing(Mode::Permissive)),
              silent = sender(signing(Mode::ReceiveOnly));
  AdvertCodec first(settings(signing(Mode::ReceiveOnly)));
  EXPECT_TRUE(hear(first, speak(bare)));
  EXPECT_TRUE(hear(first, speak(permissive)));
  EXPECT_EQ(speak(silent).size(), speak(bare).size()) << "signs nothing";
  AdvertCodec second(settings(signing(Mode::Permissive)));
  EXPECT_TRUE(hear(second, speak(bare)));
  Bytes broken = speak(permissive);
  broken.back() = static_cast<std::uint8_t>(broken.back() ^ 1);
  EXPECT_EQ(refusal(second, broken), Refusal::Signature) << "what is signed must be signed rightly";
  AdvertCodec last(settings(signing(Mode::Enforce)));
  EXPECT_EQ(refusal(last, speak(silent)), Refusal::AuthKind);
}

TEST(AdvertCodec, BelievesWhatKeepalivedSignsOverIpv6) {
  const Bytes payload = from_hex(
      "31336702000a69c5fe80000000000000000000000000001020010db8000000000000000000000010"
      "010100006b099175169400009813628d2797e93a6cbddd36b6adecf3");
  const IpAddress from = *IpAddress::parse("fe80::645d:eff:fe72:546a");
  std::string secret;
  for (char c = 0; c < 32; ++c) secret += c;
  auto wanted = settings({.kind = Kind::Trailer, .keys = {{{.id = 1, .secret = secret}}}}, Version::V3);
  AdvertCodec ours(wanted);
  const Datagram datagram{.way = {from, group(true)}, .ttl = 255, .payload = payload};
  const auto advert = ours.decode(datagram, WallTime(std::chrono::seconds(0x6b099175)));
  ASSERT_TRUE(advert) << to_string(advert.error());
  EXPECT_EQ(advert->addresses.at(1), *IpAddress::parse("2001:db8::10"));
}

TEST(AdvertCodec, SendsTheChecksumItHeardLastWhenToldToFollow) {
  auto following = settings({}, Version::V3);
  following.checksum = ChecksumForm::Pseudo;
  following.checksum_follows_peer = true;
  AdvertCodec ours(following), plain = sender({}, Version::V3);
  const auto form = [](const Bytes& packet) {
    return checksum(ByteView(packet).subspan(20)) == 0 ? ChecksumForm::Plain : ChecksumForm::Pseudo;
  };
  EXPECT_EQ(form(speak(ours)), ChecksumForm::Pseudo);
  ASSERT_TRUE(hear(ours, speak(plain)));
  EXPECT_EQ(form(speak(ours)), ChecksumForm::Plain);
}

TEST(AdvertCodec, LearnsNothingFromWhatItRefuses) {
  for (const Authentication& auth : {kHeader, signing()}) {
    AdvertCodec theirs = sender(auth), ours(settings(auth));
    const auto before = ours.memory();
    Bytes late = speak(theirs);
    late[late.size() - 1] = static_cast<std::uint8_t>(late[late.size() - 1] ^ 1);
    EXPECT_FALSE(hear(ours, late));
    EXPECT_EQ(ours.memory(), before);
  }
}

}  // namespace
}  // namespace hapair::vrrp
