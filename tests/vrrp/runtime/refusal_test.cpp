// Every reason there is to refuse a packet: none of them touches a master's role or timer, each is
// counted by its name, and the log hears of it once a minute.
#include "vrrp/core/refusal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vrrp/fake_netlink.h"
#include "vrrp/runtime/virtual_router.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr TimePoint t0{1000s};
const WallTime kNow{1'795'780'000s};
const IpAddress kOurs = IpAddress::v4(0xC0A8320B);
const IpAddress kPeer = IpAddress::v4(0xC0A8320C);
const IpAddress kStranger = IpAddress::v4(0x08080808);
const Cidr kVirtual{IpAddress::v4(0xC0A8320A), 32};
const Link kLink{.index = 7, .name = "eth1", .mac = {2, 0, 0, 0, 0, 1}, .up = true};
const KeyRing kKeys{{{.id = 1, .secret = std::string(32, 'k')}}};
constexpr int kTimes = 1000;

/// What the peer would send: a master that is far above us.
struct Speech {
  Version version = Version::V2;
  std::uint8_t router = 51;
  std::uint8_t priority = 200;
  Duration interval = 1s;
  Authentication auth;
  IpAddress source = kPeer;
  WallTime at = kNow;
};

Bytes packet_of(const Speech& speech) {
  AdvertCodec codec({.version = speech.version,
                     .virtual_router_id = speech.router,
                     .interval = speech.interval,
                     .auth = speech.auth,
                     .own = {},
                     .peers = {}});
  return codec.encode(speech.priority, {kVirtual.address}, {speech.source, group(false)},
                      speech.at);
}

Bytes with(Bytes packet, std::size_t at, int value) {
  packet[at] = static_cast<std::uint8_t>(value);
  return packet;
}

/// The header's total length with it.
Bytes cut(Bytes packet, std::size_t message) {
  packet.resize(20 + message);
  return with(packet, 3, static_cast<int>(packet.size()));
}

struct Row {
  Refusal why;
  Auth ours;
  Bytes packet;
  int believed = 0;  // how many of the packets are
};

std::vector<Row> rows() {
  const Auth none, password{.type = Auth::Type::Pass, .password = "secret"},
      header{.type = Auth::Type::Header, .password = "PASSWORD"}, hmac{.type = Auth::Type::Hmac};
  const Authentication wrong{.kind = Authentication::Kind::Password,
                             .password = auth_bytes("guess")};
  const auto signed_by = [](int id, char secret) {
    return Authentication{
        .kind = Authentication::Kind::Trailer,
        .keys = {{{.id = static_cast<std::uint8_t>(id), .secret = std::string(32, secret)}}}};
  };
  // The bytes of the message begin at 20.
  return {
      {Refusal::Header, none, with(packet_of({}), 0, 0x55)},
      {Refusal::Ttl, none, with(packet_of({}), 8, 254)},
      {Refusal::OwnAddress, none, packet_of({.source = kOurs})},
      {Refusal::Stranger, none, packet_of({.source = kStranger})},
      {Refusal::Length, none, cut(packet_of({}), 7)},
      {Refusal::Version, none, packet_of({.version = Version::V3})},
      {Refusal::Type, none, with(packet_of({}), 20, 0x22)},
      {Refusal::Vrid, none, packet_of({.router = 52})},
      {Refusal::Count, none, with(packet_of({}), 23, 3)},
      {Refusal::Checksum, none, with(packet_of({}), 22, 201)},
      {Refusal::AuthKind, none, packet_of({.auth = wrong})},
      {Refusal::AuthKind, hmac, packet_of({})},
      {Refusal::Password, password, packet_of({.auth = wrong})},
      {Refusal::Key, hmac, packet_of({.auth = signed_by(9, 'k')})},
      {Refusal::Signature, hmac, packet_of({.auth = signed_by(1, 'x')})},
      {Refusal::Signature, header,
       packet_of(
           {.auth = {.kind = Authentication::Kind::Header, .password = auth_bytes("PASSWORE")}})},
      {Refusal::Clock, hmac, packet_of({.auth = signed_by(1, 'k'), .at = kNow - 1h})},
      {Refusal::Replay, hmac, packet_of({.priority = 50, .auth = signed_by(1, 'k')}), 1},
      {Refusal::Interval, none, packet_of({.interval = 3s})},
  };
}

class RefusalTest : public ::testing::Test, public LinkPort, public Logger {
 protected:
  Result<void> send_advert(const Endpoints&, ByteView) override {
    ++sent_;
    return {};
  }
  Result<void> send_frame(int, ByteView) override {
    ++sent_;
    return {};
  }
  void write(Severity, std::string_view text) override { log_.emplace_back(text); }

  /// Of version 2, master since t0 + 10 s.
  std::unique_ptr<VirtualRouter> master(const Auth& auth) {
    Instance config{.name = "VI_1", .interface = "eth1", .virtual_router_id = 51};
    config.virtual_addresses = {{.address = kVirtual}};
    config.announcements = {.repeat = 1, .delay = 0s, .probe = 0s};
    config.lease = Duration::zero();
    config.auth = auth;
    auto router = std::make_unique<VirtualRouter>(
        config,
        Placement{.link = kLink,
                  .face = kLink,
                  .channels = {{kOurs, {group(false)}}},
                  .addresses = {{.index = kLink.index, .address = kVirtual}}},
        kKeys, VirtualRouter::Ports{.netlink = netlink_, .link = *this, .log = *this, .wall = [] {
                                      return kNow;
                                    }});
    router->start(t0);
    router->on_due(t0 + 10s);
    return router;
  }

  FakeNetlink netlink_{kLink, {{kOurs, 24}}};
  std::vector<std::string> log_;
  int sent_ = 0;
};

TEST_F(RefusalTest, TouchesNeitherRoleNorTimerWhateverTheReason) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(to_string(row.why));
    const auto router = master(row.ours);
    ASSERT_EQ(router->state(), State::Master);
    for (int i = 0; i < row.believed; ++i) router->on_packet(row.packet, t0 + 10s);
    const TimePoint due = router->election().deadline();
    sent_ = 0;
    log_.clear();
    for (int i = 0; i < kTimes; ++i)
      router->on_packet(row.packet, t0 + 10s + i * Duration(1s) / kTimes);
    EXPECT_EQ(router->state(), State::Master);
    EXPECT_EQ(router->election().deadline(), due);
    EXPECT_EQ(sent_, 0) << "it is not answered either";
    for (std::size_t why = 0; why < kRefusals; ++why)
      EXPECT_EQ(router->counters().refused[why], static_cast<Refusal>(why) == row.why ? kTimes : 0U)
          << counter_name(static_cast<Refusal>(why));
    if (row.why == Refusal::Vrid || row.why == Refusal::OwnAddress)
      EXPECT_THAT(log_, IsEmpty());
    else
      EXPECT_THAT(log_, ElementsAre(HasSubstr(std::string(to_string(row.why)))));
  }
}

TEST_F(RefusalTest, LeavesABackupsTimerAloneToo) {
  for (const Row& row : rows()) {
    if (row.believed > 0) continue;  // that one is heard, and then refused
    SCOPED_TRACE(to_string(row.why));
    const auto router = master(row.ours);
    router->on_absence(1h, t0 + 11s);
    ASSERT_EQ(router->state(), State::Backup);
    const TimePoint due = router->election().deadline();
    for (int i = 0; i < kTimes; ++i) router->on_packet(row.packet, t0 + 11s);
    EXPECT_EQ(router->election().deadline(), due) << "nobody is kept waiting by junk";
  }
}

TEST(Refusals, AreAllTried) {
  for (std::size_t why = 0; why < kRefusals; ++why)
    EXPECT_TRUE(std::ranges::any_of(rows(), [&](const Row& row) {
      return row.why == static_cast<Refusal>(why);
    })) << counter_name(static_cast<Refusal>(why));
}

}  // namespace
}  // namespace hapair::vrrp
