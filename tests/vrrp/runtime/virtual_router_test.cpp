#include "vrrp/runtime/virtual_router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vrrp/fake_netlink.h"
#include "vrrp/core/arp.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr TimePoint t0{1000s};
const IpAddress kOurs = IpAddress::v4(0xC0A8320B);
const IpAddress kPeer = IpAddress::v4(0xC0A8320C);
const Cidr kVirtual{IpAddress::v4(0xC0A8320A), 32};
const Link kLink{.index = 7, .name = "eth1", .mac = {2, 0, 0, 0, 0, 1}, .up = true};

class VirtualRouterTest : public ::testing::Test, public LinkPort, public Logger {
 protected:
  VirtualRouterTest() {
    config_.name = "VI_1";
    config_.interface = "eth1";
    config_.virtual_router_id = 51;
    config_.priority = 100;
    config_.virtual_addresses = {{.address = kVirtual}};
    config_.announcements.probe = 0s;
  }

  Result<void> send_advert(const Endpoints& way, ByteView packet) override {
    EXPECT_EQ(way, (Endpoints{kOurs, group(false)}));
    events_.push_back(
        fmt::format("advert {}{}", int{packet[22]}, netlink_.has(kVirtual) ? " with address" : ""));
    if (link_broken_) return fail(Errc::System, "cannot send an advert: Network is down");
    packet_ids_.push_back(load_be16(&packet[4]));
    return {};
  }
  Result<void> send_frame(int index, ByteView frame) override {
    EXPECT_EQ(index, kLink.index);
    if (Bytes(frame.begin(), frame.end()) == arp_request(mac_, kOurs, kVirtual.address)) {
      events_.push_back("probe");
      return {};
    }
    EXPECT_EQ(Bytes(frame.begin(), frame.end()), gratuitous_arp(mac_, kVirtual.address));
    events_.push_back(netlink_.has(kVirtual) ? "arp" : "arp without address");
    return {};
  }
  void write(Severity, std::string_view text) override { log_.emplace_back(text); }
  void write_with(Severity severity, std::string_view text,
                  std::span<const LogField> fields) override {
    write(severity, text);
    fields_.emplace_back();
    for (const LogField& field : fields)
      fields_.back().push_back(fmt::format("{}={}", field.name, field.value));
  }

  VirtualRouter& router() {
    if (!router_)
      router_.emplace(config_,
                      Placement{.link = kLink,
                                .face = kLink,
                                .channels = {{kOurs, {group(false)}}},
                                .source_key = " ([node.hap1] address)",
                                .addresses = {{.index = kLink.index, .address = kVirtual}},
                                .routes = routes_},
                      KeyRing{}, VirtualRouter::Ports{netlink_, *this, *this});
    return *router_;
  }
  /// Master since t0 + 10 s.
  VirtualRouter& master() {
    router().start(t0);
    router().on_due(t0 + 10s);
    EXPECT_EQ(router().state(), State::Master);
    return router();
  }
  Advert advert(std::uint8_t priority) const {
    return {.virtual_router_id = 51,
            .priority = priority,
            .interval = 1s,
            .addresses = {kVirtual.address}};
  }
  static Bytes packet_of(const Advert& spoken, const IpAddress& source) {
    const Endpoints way{source, group(false)};
    return write_packet(way, kProtocol, kTtl, 1, encode_message(spoken, way));
  }
  void hear(const Advert& heard, TimePoint at) {
    router().on_packet(packet_of(heard, kPeer), at);
  }
  std::uint64_t refused(Refusal why) {
    return router().counters().refused[static_cast<std::size_t>(why)];
  }

  Instance config_;
  FakeNetlink netlink_{kLink, {{kOurs, 24}}};
  std::vector<RouteOrder> routes_;
  std::optional<VirtualRouter> router_;
  std::vector<std::string> events_;
  std::vector<std::uint16_t> packet_ids_;
  std::vector<std::string> log_;
  std::vector<std::vector<std::string>> fields_;  // of lines that have some
  bool link_broken_ = false;
  std::array<std::uint8_t, 6> mac_ = kLink.mac;  // what announcements must carry
};

TEST_F(VirtualRouterTest, BecomesMasterInTheWrittenOrder) {
  master();
  EXPECT_THAT(events_, ElementsAre("advert 100", "arp", "arp", "arp", "arp", "arp"));
  EXPECT_TRUE(netlink_.has(kVirtual));
}

TEST_F(VirtualRouterTest, LinesOfChangesCarryFields) {
  router().start(t0);
  EXPECT_THAT(fields_,
              ElementsAre(ElementsAre("HAPAIR_INSTANCE=VI_1", "HAPAIR_STATE=BACKUP",
                                      "HAPAIR_PRIORITY=100", "HAPAIR_CAUSE=the daemon started")));
  router().on_due(t0 + 10s);
  router().on_link(false, t0 + 11s);
  EXPECT_THAT(fields_.back(),
              ElementsAre("HAPAIR_INSTANCE=VI_1", "HAPAIR_STATE=FAULT", "HAPAIR_PRIORITY=100",
                          "HAPAIR_CAUSE=interface eth1 is down or gone"));
}

TEST_F(VirtualRouterTest, LeavesInTheWrittenOrder) {
  master();
  events_.clear();
  router().shutdown(t0 + 11s);
  EXPECT_THAT(events_, ElementsAre("advert 0 with address"));
  EXPECT_FALSE(netlink_.has(kVirtual));
}

TEST_F(VirtualRouterTest, NeverAnnouncesAfterItLost) {
  master();
  events_.clear();
  hear(advert(200), t0 + 10100ms);
  for (TimePoint now = t0 + 10s; now < t0 + 13s; now += 10ms) router().on_due(now);
  EXPECT_THAT(events_, ElementsAre("advert 0 with address")) << "the set after 5 s is gone too";
}

TEST_F(VirtualRouterTest, RemovesAtItsStartWhatACrashedPredecessorLeft) {
  ASSERT_TRUE(netlink_.put_address({.index = kLink.index, .address = kVirtual}));
  router().start(t0);
  EXPECT_FALSE(netlink_.has(kVirtual));
  EXPECT_THAT(log_, ElementsAre("VRRP_Instance(VI_1) removing protocol VIPs.",
                                "VRRP_Instance(VI_1) Entering BACKUP STATE"));
}

TEST_F(VirtualRouterTest, RemovesAPredecessorsAddressWithThePrefixItWasGiven) {
  const Cidr left{kVirtual.address, 24};
  ASSERT_TRUE(netlink_.put_address({.index = kLink.index, .address = left}));
  router().start(t0);
  EXPECT_FALSE(netlink_.has(left));
  EXPECT_TRUE(netlink_.has({kOurs, 24})) << "nobody else's";
}

TEST_F(VirtualRouterTest, SaysNothingOfAddressesThatWereNotThere) {
  router().start(t0);
  EXPECT_THAT(log_, ElementsAre("VRRP_Instance(VI_1) Entering BACKUP STATE"));
}

TEST_F(VirtualRouterTest, IsUntouchedByAnyRefusedPacket) {
  master();
  const TimePoint deadline = router().deadline();
  Bytes damaged = packet_of(advert(200), kPeer);
  damaged[22] = 201;
  Bytes far = packet_of(advert(200), kPeer);
  far[8] = 254;
  Advert slow = advert(200);
  slow.interval = 3s;
  Advert password = advert(200);
  password.auth_type = AuthType::Pass;
  Advert other = advert(200);
  other.virtual_router_id = 52;
  events_.clear();
  log_.clear();
  for (int i = 0; i < 1000; ++i) {
    const TimePoint at = t0 + 10100ms;
    router().on_packet(damaged, at);
    router().on_packet(far, at);
    hear(slow, at);
    hear(password, at);
    hear(other, at);
    router().on_packet(packet_of(advert(200), kOurs), at);
    router().on_packet({}, at);
  }
  EXPECT_EQ(router().state(), State::Master);
  EXPECT_EQ(router().deadline(), deadline);
  EXPECT_THAT(events_, IsEmpty());
  for (Refusal why : {Refusal::Checksum, Refusal::Ttl, Refusal::Interval, Refusal::AuthKind,
                      Refusal::Vrid, Refusal::OwnAddress, Refusal::Header})
    EXPECT_EQ(refused(why), 1000U) << to_string(why);
  EXPECT_THAT(log_, SizeIs(5)) << "one line for each kind; other routers and echoes are no news";
  EXPECT_THAT(log_, Contains(HasSubstr("from 192.168.50.12: bad checksum")));
}

TEST_F(VirtualRouterTest, TellsOfBadPacketsAgainAfterAMinuteWithTheirNumber) {
  master();
  Advert slow = advert(50);
  slow.interval = 3s;
  for (int second = 0; second < 61; ++second) hear(slow, t0 + 11s + std::chrono::seconds(second));
  EXPECT_THAT(log_, Contains(HasSubstr("advertisement interval mismatch (60 since")));
}

TEST_F(VirtualRouterTest, AcceptsOtherAddressesWithOneWarning) {
  router().start(t0);
  Advert other = advert(200);
  other.addresses = {IpAddress::v4(0x0A000001)};
  for (int second = 1; second < 60; ++second) hear(other, t0 + std::chrono::seconds(second));
  EXPECT_EQ(router().state(), State::Backup) << "a different list makes no second master";
  EXPECT_EQ(router().counters().received, 59U);
  EXPECT_EQ(router().counters().other_addresses, 59U);
  EXPECT_THAT(log_, ElementsAre(HasSubstr("Entering BACKUP"),
                                HasSubstr("192.168.50.12 advertises other virtual addresses")));
}

TEST_F(VirtualRouterTest, TellsOfOtherAddressesOnceAMinuteHoweverOftenListsAlternate) {
  router().start(t0);
  Advert other = advert(200);
  other.addresses = {IpAddress::v4(0x0A000001)};
  for (int second = 1; second <= 61; ++second) {
    hear(other, t0 + std::chrono::seconds(second));
    hear(advert(200), t0 + std::chrono::seconds(second));
  }
  EXPECT_THAT(log_, Contains(HasSubstr("other virtual addresses")).Times(2));
  EXPECT_THAT(log_, Contains(HasSubstr("than ours (60 since the last such line)")));
}

TEST_F(VirtualRouterTest, SendsItsPasswordAndDemandsIt) {
  config_.auth = {Auth::Type::Pass, "secret"};
  router().start(t0);
  hear(advert(200), t0 + 1s);
  EXPECT_EQ(refused(Refusal::AuthKind), 1U);
  Advert right = advert(200);
  right.auth_type = AuthType::Pass;
  right.auth = auth_bytes("secret");
  hear(right, t0 + 2s);
  EXPECT_EQ(router().counters().received, 1U);
}

TEST_F(VirtualRouterTest, GivesWayToTheScriptsVerdicts) {
  master();
  Tracked script{.weight = 0, .verdict = Verdict::Bad};
  router().on_tracked({&script, 1}, t0 + 10100ms);
  EXPECT_EQ(router().state(), State::Fault);
  EXPECT_FALSE(netlink_.has(kVirtual));
  script.verdict = Verdict::Good;
  router().on_link(false, t0 + 10200ms);
  router().on_tracked({&script, 1}, t0 + 10300ms);
  EXPECT_EQ(router().state(), State::Fault) << "the link is still down";
  router().on_link(true, t0 + 10400ms);
  EXPECT_EQ(router().state(), State::Backup);
}

TEST_F(VirtualRouterTest, AnnouncesAgainWhenItsInterfaceGetsAnotherHardwareAddress) {
  master();
  events_.clear();
  mac_ = {2, 0, 0, 0, 0, 9};
  netlink_.set_mac(mac_);
  router().on_link(true, t0 + 11s);
  EXPECT_THAT(events_, ElementsAre("arp", "arp", "arp", "arp", "arp"));
  events_.clear();
  router().on_link(true, t0 + 12s);
  EXPECT_THAT(events_, IsEmpty()) << "nothing has changed";
}

TEST_F(VirtualRouterTest, AnnouncesWithThePresentHardwareAddress) {
  router().start(t0);
  mac_ = {2, 0, 0, 0, 0, 9};
  netlink_.set_mac(mac_);
  master();
  EXPECT_THAT(events_, Contains("arp"));
}

TEST_F(VirtualRouterTest, NamesTheAddressItMissesOnceUntilItIsBack) {
  master();
  log_.clear();
  ASSERT_TRUE(netlink_.remove_address(kLink.index, {kOurs, 24}));
  router().on_link(true, t0 + 11s);
  router().on_link(true, t0 + 12s);
  EXPECT_EQ(router().state(), State::Fault);
  const auto line = HasSubstr(
      "cannot serve: eth1 does not carry our own address 192.168.50.11 ([node.hap1] address)");
  EXPECT_THAT(log_, Contains(line).Times(1));
  ASSERT_TRUE(netlink_.put_address({.index = kLink.index, .address = {kOurs, 24}}));
  router().on_link(true, t0 + 13s);
  EXPECT_EQ(router().state(), State::Backup);
  ASSERT_TRUE(netlink_.remove_address(kLink.index, {kOurs, 24}));
  router().on_link(true, t0 + 14s);
  EXPECT_THAT(log_, Contains(line).Times(2));
}

TEST_F(VirtualRouterTest, PutsBackAnAddressThatSomebodyRemovedAndAnnouncesIt) {
  master();
  events_.clear();
  log_.clear();
  ASSERT_TRUE(netlink_.remove_address(kLink.index, kVirtual));
  router().on_link(true, t0 + 10500ms);
  EXPECT_TRUE(netlink_.has(kVirtual));
  EXPECT_THAT(events_, ElementsAre("arp", "arp", "arp", "arp", "arp"));
  EXPECT_THAT(log_,
              ElementsAre(HasSubstr("192.168.50.10/32 was removed from eth1: putting it back"),
                          HasSubstr("Sending gratuitous ARPs")));
}

TEST_F(VirtualRouterTest, PutsNothingBackThatIsThereOrNotItsOwn) {
  router().start(t0);
  router().on_link(true, t0 + 1s);
  EXPECT_FALSE(netlink_.has(kVirtual)) << "a backup has none";
  master();
  events_.clear();
  router().on_link(true, t0 + 10500ms);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(VirtualRouterTest, ResignsWhenAnAddressIsRemovedAgainAndAgain) {
  master();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(netlink_.remove_address(kLink.index, kVirtual));
    router().on_link(true, t0 + 10500ms);
    ASSERT_TRUE(netlink_.has(kVirtual));
  }
  events_.clear();
  ASSERT_TRUE(netlink_.remove_address(kLink.index, kVirtual));
  router().on_link(true, t0 + 10600ms);
  EXPECT_EQ(router().state(), State::Fault);
  EXPECT_THAT(events_, ElementsAre("advert 0"));
  EXPECT_THAT(log_, Contains(HasSubstr("again after it was put back 5 times; the next try")));
  EXPECT_EQ(router().deadline(), t0 + 10600ms + 1min);
  router().on_due(router().deadline());
  EXPECT_EQ(router().state(), State::Backup);
}

TEST_F(VirtualRouterTest, PutsBackForEverWhatIsRemovedNowAndThen) {
  master();
  for (int minute = 1; minute < 20; ++minute) {
    ASSERT_TRUE(netlink_.remove_address(kLink.index, kVirtual));
    router().on_link(true, t0 + std::chrono::minutes(minute));
    EXPECT_TRUE(netlink_.has(kVirtual));
  }
}

TEST_F(VirtualRouterTest, NeitherAnnouncesNorStaysMasterWithoutItsAddress) {
  netlink_.set_full(true);
  router().start(t0);
  router().on_due(t0 + 10s);
  EXPECT_EQ(router().state(), State::Fault);
  EXPECT_THAT(events_, ElementsAre("advert 100", "advert 0"));
  EXPECT_THAT(log_, Contains(HasSubstr("cannot add 192.168.50.10/32: No space left on eth1")));
  EXPECT_THAT(log_, Contains(HasSubstr("cannot serve: an address cannot be added; the next try")));
  router().on_link(true, t0 + 11s);
  EXPECT_EQ(router().state(), State::Fault) << "an event of the link is no reason to try again";
  netlink_.set_full(false);
  router().on_due(t0 + 70s);
  EXPECT_EQ(router().state(), State::Backup);
  router().on_due(t0 + 80s);
  EXPECT_EQ(router().state(), State::Master);
  EXPECT_TRUE(netlink_.has(kVirtual));
}

TEST_F(VirtualRouterTest, ResignsWhenARemovedAddressCannotBePutBack) {
  master();
  events_.clear();
  netlink_.set_full(true);
  ASSERT_TRUE(netlink_.remove_address(kLink.index, kVirtual));
  router().on_link(true, t0 + 10500ms);
  EXPECT_EQ(router().state(), State::Fault);
  EXPECT_THAT(events_, ElementsAre("advert 0"));
}

TEST_F(VirtualRouterTest, TellsOnceThatSendingFailsAndGoesOn) {
  link_broken_ = true;
  master();
  for (auto at = 11s; at < 20s; at += 1s) router().on_due(t0 + at);
  EXPECT_THAT(log_, Contains(HasSubstr("Network is down")).Times(1));
  link_broken_ = false;
  router().on_due(t0 + 20s);
  EXPECT_EQ(router().counters().sent, 1U);
}

TEST_F(VirtualRouterTest, CountsItsPacketsFromOneAndNeverSendsZero) {
  config_.lease = Duration::zero();  // what is due is always an advert
  master();
  for (int i = 0; i < 66000; ++i) router().on_due(router().deadline());
  EXPECT_THAT(packet_ids_, Not(Contains(0)));
  EXPECT_EQ(packet_ids_[0], 1);
  EXPECT_EQ(packet_ids_[65534], 65535);
  EXPECT_EQ(packet_ids_[65535], 1) << "0 would be replaced by the kernel's own";
}

// ---- the lease

TEST_F(VirtualRouterTest, HoldsItsAddressesOnALeaseThatTheSameLoopRenews) {
  master();
  EXPECT_EQ(netlink_.lifetime(), 2s) << "two intervals: a backup may be master then";
  const int before = netlink_.puts();
  int renewals = 0;
  for (TimePoint now = t0 + 10s; now < t0 + 20s; now += 1ms)
    if (router().deadline() <= now) {
      router().on_due(now);
      renewals = netlink_.puts() - before;
    }
  EXPECT_NEAR(renewals, 15, 1) << "three in a lease";
  router().shutdown(t0 + 20s);
  const int after = netlink_.puts();
  for (TimePoint now = t0 + 20s; now < t0 + 30s; now += 100ms) router().on_due(now);
  EXPECT_EQ(netlink_.puts(), after);
}

TEST_F(VirtualRouterTest, KeepsTheLeaseItWasGivenOrNone) {
  config_.lease = Duration::zero();
  master();
  EXPECT_EQ(netlink_.lifetime(), Duration::zero());
  EXPECT_EQ(router().deadline(), t0 + 11s) << "only the next advert";
}

TEST_F(VirtualRouterTest, HasALeaseOfASecondAtTenAdvertsASecond) {
  config_.version = 3;
  config_.advert_interval = 100ms;
  master();
  EXPECT_EQ(netlink_.lifetime(), 1s) << "the kernel counts whole seconds";
}

TEST_F(VirtualRouterTest, GivesItsAddressesUpWithoutAWordAfterAnAbsenceAndListens) {
  master();
  events_.clear();
  router().on_absence(2s, t0 + 13s);
  EXPECT_EQ(router().state(), State::Master) << "nobody can have replaced it";
  router().on_absence(3500ms, t0 + 14s);
  EXPECT_EQ(router().state(), State::Backup);
  EXPECT_FALSE(netlink_.has(kVirtual));
  EXPECT_THAT(events_, IsEmpty()) << "nothing is asserted, not even a resignation";
  EXPECT_EQ(router().deadline(), t0 + 15s) << "one interval of listening";
  EXPECT_EQ(router().counters().absences, 1U);
  router().on_due(t0 + 15s);
  EXPECT_EQ(router().state(), State::Master) << "nobody was there";
}

TEST_F(VirtualRouterTest, FollowsWhoeverTookOverDuringItsAbsence) {
  master();
  router().on_absence(6s, t0 + 17s);
  hear(advert(99), t0 + 17100ms);
  hear(advert(99), t0 + 17900ms);
  EXPECT_EQ(router().state(), State::Backup) << "lower, but it is for the timer to say";
}

// ---- routes

TEST_F(VirtualRouterTest, BringsItsRoutesAndTakesThemAway) {
  const RouteOrder route{.to = *Cidr::parse("0.0.0.0/0"), .via = IpAddress::v4(0xC0A83201), .index = 7};
  routes_ = {route};
  master();
  EXPECT_THAT(netlink_.routes(), ElementsAre(route));
  ASSERT_TRUE(netlink_.remove_route(route));
  router().on_link(true, t0 + 11s);
  EXPECT_THAT(netlink_.routes(), ElementsAre(route)) << "put back";
  router().shutdown(t0 + 12s);
  EXPECT_THAT(netlink_.routes(), IsEmpty());
}

// ---- others that answer for the addresses

constexpr MacAddress kStranger = {2, 0, 0, 0, 0, 66};

TEST_F(VirtualRouterTest, AsksTheLinkWhetherSomebodyElseHasItsAddresses) {
  config_.announcements = {.repeat = 1, .delay = 0s, .probe = 30s};
  master();
  events_.clear();
  for (TimePoint now = t0 + 10s; now < t0 + 100s; now += 100ms) router().on_due(now);
  EXPECT_EQ(std::ranges::count(events_, "probe"), 3) << "after 2, 32 and 62 s";
}

TEST_F(VirtualRouterTest, AlarmsWhenASecondHardwareAddressAnswers) {
  master();
  log_.clear();
  router().on_speaker(kStranger, kVirtual.address, t0 + 11s);
  EXPECT_THAT(log_, IsEmpty()) << "the old master may still be heard";
  router().on_speaker(kLink.mac, kVirtual.address, t0 + 13s);
  router().on_speaker(kStranger, kPeer, t0 + 13s);
  EXPECT_THAT(log_, IsEmpty()) << "ourselves, and an address that is not ours";
  for (int i = 0; i < 100; ++i) router().on_speaker(kStranger, kVirtual.address, t0 + 13s);
  EXPECT_THAT(log_, ElementsAre(HasSubstr(
                        "192.168.50.10 is in use by somebody else too: 02:00:00:00:00:42 answers")));
  EXPECT_EQ(router().counters().duplicates, 100U);
  hear(advert(200), t0 + 14s);
  router().on_speaker(kStranger, kVirtual.address, t0 + 99s);
  EXPECT_EQ(router().counters().duplicates, 100U) << "as a backup, the master's answers are right";
}

// ---- what is left behind

TEST_F(VirtualRouterTest, LeavesATestamentOnlyWhileItHoldsSomething) {
  router().start(t0);
  EXPECT_TRUE(router().testament().is_empty());
  router().on_due(t0 + 10s);
  const Testament testament = router().testament();
  ASSERT_EQ(testament.addresses.size(), 1U);
  EXPECT_EQ(testament.addresses[0], (Testament::Address{kLink.index, kVirtual}));
  ASSERT_EQ(testament.packets.size(), 1U);
  EXPECT_EQ(testament.packets[0].interface, "eth1");
  EXPECT_EQ(testament.packets[0].bytes.at(22), 0) << "a priority of 0";
  router().shutdown(t0 + 11s);
  EXPECT_TRUE(router().testament().is_empty());
}

// ---- what it tracks

TEST_F(VirtualRouterTest, TellsWhatBecomesOfItsPriority) {
  const Tracked good{.weight = 5, .verdict = Verdict::Good};
  router().on_tracked({&good, 1}, t0);
  EXPECT_THAT(log_, IsEmpty()) << "before the election";
  router().start(t0);
  const Tracked bad{.weight = 5, .verdict = Verdict::Bad};
  router().on_tracked({&bad, 1}, t0 + 1s);
  router().on_tracked({&bad, 1}, t0 + 2s);
  EXPECT_EQ(std::ranges::count(
                log_, "VRRP_Instance(VI_1) Changing effective priority from 105 to 100"),
            1);
}

TEST_F(VirtualRouterTest, AMasterThatDoesNotTrackItsLinkStaysMasterWithoutIt) {
  config_.track_own_interface = false;
  master();
  router().on_link(false, t0 + 11s);
  EXPECT_EQ(router().state(), State::Master);
  EXPECT_TRUE(netlink_.has(kVirtual));
  ASSERT_TRUE(netlink_.remove_address(kLink.index, {kOurs, 24}));
  router().on_link(false, t0 + 12s);
  EXPECT_EQ(router().state(), State::Fault) << "without an address of its own it cannot speak";
}

// ---- a priority that falls below the peer's

TEST_F(VirtualRouterTest, AsksThePeerToTakeOverWhenItFallsBelowItAndTakesTheAddressBackOtherwise) {
  master();
  hear(advert(98), t0 + 10100ms);  // so much is known of the peer
  events_.clear();
  const Tracked failed{.weight = -10, .verdict = Verdict::Bad};
  router().on_tracked({&failed, 1}, t0 + 11s);
  EXPECT_THAT(events_, ElementsAre("advert 90 with address")) << "a peer of ours acts on this";
  ASSERT_EQ(router().election().deadline(), t0 + 11010ms);
  router().on_due(t0 + 11010ms);
  EXPECT_THAT(events_, ElementsAre("advert 90 with address", "advert 0 with address"));
  EXPECT_EQ(router().state(), State::Backup);
  EXPECT_FALSE(netlink_.has(kVirtual));
  EXPECT_EQ(router().election().cause().kind, Cause::Kind::Yield);
  router().on_due(router().election().deadline());
  EXPECT_EQ(router().state(), State::Master) << "nobody came";
  events_.clear();
  const Tracked worse{.weight = -20, .verdict = Verdict::Bad};
  router().on_tracked({&worse, 1}, t0 + 20s);
  router().on_due(router().election().deadline());
  EXPECT_EQ(router().state(), State::Master) << "who did not come is not asked again";
}

TEST_F(VirtualRouterTest, KeepsTheAddressWhenItFallsBelowNobodyItKnows) {
  master();
  const Tracked failed{.weight = -10, .verdict = Verdict::Bad};
  router().on_tracked({&failed, 1}, t0 + 11s);
  EXPECT_EQ(router().state(), State::Master);
  EXPECT_TRUE(netlink_.has(kVirtual));
}

// ---- the same router, configured in another way

class VirtualRouterChange : public VirtualRouterTest {
 protected:
  /// As a reload does, at t0 + 11 s.
  void change(std::vector<Cidr> addresses, std::vector<RouteOrder> routes = {}) {
    config_.virtual_addresses.clear();
    Placement placement = router().placement();
    placement.addresses.clear();
    placement.routes = std::move(routes);
    for (const Cidr& address : addresses) {
      config_.virtual_addresses.push_back({.address = address});
      placement.addresses.push_back({.index = kLink.index, .address = address});
    }
    events_.clear();
    router().give_back(config_, placement);
    router().change(config_, placement, {}, t0 + 11s);
  }
  Result<void> send_frame(int, ByteView frame) override {
    for (const Cidr& address : {kVirtual, kAdded})
      if (Bytes(frame.begin(), frame.end()) == gratuitous_arp(mac_, address.address))
        events_.push_back("arp " + address.address.to_string());
    return {};
  }

  const Cidr kAdded{IpAddress::v4(0xC0A83214), 32};
};

TEST_F(VirtualRouterChange, AMasterHasWhatIsAddedAndAnnouncesIt) {
  config_.announcements.repeat = 1;
  const TimePoint due = master().election().deadline();
  change({kVirtual, kAdded});
  EXPECT_TRUE(netlink_.has(kVirtual) && netlink_.has(kAdded));
  EXPECT_THAT(events_, Contains("arp 192.168.50.20"));
  EXPECT_EQ(router().election().deadline(), due) << "no advert is early or late";
  EXPECT_EQ(router().state(), State::Master);
  EXPECT_EQ(router().counters().became_master, 1);
  EXPECT_THAT(router().testament().addresses, SizeIs(2));
}

TEST_F(VirtualRouterChange, AMasterGivesBackWhatIsRemoved) {
  routes_ = {{.to = {IpAddress::v4(0x0A000000), 8}, .index = kLink.index}};
  master();
  change({kAdded});
  EXPECT_FALSE(netlink_.has(kVirtual));
  EXPECT_TRUE(netlink_.has(kAdded));
  EXPECT_THAT(netlink_.routes(), IsEmpty());
  EXPECT_THAT(router().testament().addresses, SizeIs(1));
  router().on_link(true, t0 + 12s);
  EXPECT_EQ(router().counters().restored, 0) << "it is not missed";
}

TEST_F(VirtualRouterChange, ABackupTouchesNothing) {
  netlink_.put_address({.index = kLink.index, .address = kVirtual});  // somebody's
  const auto puts = netlink_.puts();
  router().start(t0);
  netlink_.put_address({.index = kLink.index, .address = kVirtual});
  change({kAdded});
  EXPECT_TRUE(netlink_.has(kVirtual));
  EXPECT_EQ(netlink_.puts(), puts + 1);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(VirtualRouterChange, AnAddressThatCannotBeAddedIsAskedOfThePeer) {
  master();
  netlink_.set_full(true);
  change({kVirtual, kAdded});
  EXPECT_EQ(router().state(), State::Fault);
}

TEST_F(VirtualRouterChange, WhatCouldNotServeTriesAtOnceWithOtherAddresses) {
  netlink_.set_full(true);
  router().start(t0);
  router().on_due(t0 + 10s);
  EXPECT_EQ(router().state(), State::Fault);
  change({kAdded});
  EXPECT_EQ(router().deadline(), t0 + 11s);
}

}  // namespace
}  // namespace hapair::vrrp
