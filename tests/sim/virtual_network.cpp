#include "tests/sim/virtual_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace hapair::vrrp {
namespace {

using Families = SimulatedRouter::Families;

constexpr std::size_t kIpv4Header = 20, kIpv6Header = 40;
constexpr int kFirstRouterId = 51;

/// 192.168.50.10, .110 …; fe80::10, fe80::11 …
Cidr virtual_v4(int instance) {
  return {IpAddress::v4(0xC0A8320A + 100 * static_cast<std::uint32_t>(instance)), 32};
}
IpAddress link_local(int last) {
  return IpAddress::v6(
      {0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(last)});
}
Cidr virtual_v6(int instance) {
  return {link_local(0x10 + instance), 128};
}

IpAddress address_of(int number) {
  return IpAddress::v4(0xC0A8320A + static_cast<std::uint32_t>(number));
}
IpAddress address6_of(int number) {
  return link_local(0x80 + number);
}

bool has_v4(Families families) {
  return families != Families::V6;
}
bool has_v6(Families families) {
  return families != Families::V4;
}

/// An interface for each instance, on one wire.
Link link_of(int number, int instance) {
  return {.index = 2 + instance,
          .name = fmt::format("eth{}", 1 + instance),
          .mac = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(number)},
          .up = true};
}

std::vector<Cidr> virtual_addresses(const SimulatedRouter::Settings& settings, int instance) {
  std::vector<Cidr> out;
  if (has_v4(settings.families)) out.push_back(virtual_v4(instance));
  if (has_v6(settings.families)) out.push_back(virtual_v6(instance));
  return out;
}

std::vector<Cidr> own_addresses(int number) {
  return {{address_of(number), 24}, {address6_of(number), 64}};
}

Instance config_of(const SimulatedRouter::Settings& settings, int instance) {
  Instance out;
  out.name = fmt::format("VI_{}", 1 + instance);
  out.interface = link_of(1, instance).name;
  out.state = settings.state;
  out.virtual_router_id = kFirstRouterId + instance;
  out.priority = settings.priority;
  for (const Cidr& address : virtual_addresses(settings, instance))
    out.virtual_addresses.push_back({.address = address});
  out.preempt = settings.preempt;
  out.version = settings.version;
  out.advert_interval = settings.interval;
  if (settings.signs) out.auth.type = Auth::Type::Hmac;
  return out;
}

Placement placement_of(const SimulatedRouter::Settings& settings, int number, int instance) {
  const Link link = link_of(number, instance);
  Placement out{.link = link, .face = link};
  if (has_v4(settings.families)) out.channels.push_back({address_of(number), {group(false)}});
  if (has_v6(settings.families)) out.channels.push_back({address6_of(number), {group(true)}});
  for (const Cidr& address : virtual_addresses(settings, instance))
    out.addresses.push_back({.index = link.index, .address = address});
  return out;
}

/// As the raw sockets of either family give it.
tl::expected<Datagram, Refusal> read_packet(ByteView packet) {
  if (packet[0] >> 4 == 4) return read_ipv4(packet);
  const auto address = [&](std::size_t at) {
    std::array<std::uint8_t, 16> bytes;
    std::copy_n(&packet[at], bytes.size(), bytes.begin());
    return IpAddress::v6(bytes);
  };
  return Datagram{.way = {.source = address(8), .destination = address(24)},
                  .ttl = packet[7],
                  .protocol = packet[6],
                  .header = {},
                  .payload = packet.subspan(kIpv6Header)};
}

}  // namespace

// ---- a host

SimulatedRouter::SimulatedRouter(VirtualNetwork& net, int number, const Settings& settings)
    : net_(net),
      number_(number),
      settings_(settings),
      netlink_(link_of(number, 0), own_addresses(number)),
      link_up_(static_cast<std::size_t>(settings.instances), true) {
  for (int instance = 1; instance < settings.instances; ++instance)
    netlink_.add_link(link_of(number, instance), own_addresses(number));
  boot();
}

bool SimulatedRouter::holds_address(int instance) const {
  return std::ranges::all_of(virtual_addresses(settings_, instance),
                             [&](const Cidr& address) { return netlink_.has(address); });
}

bool SimulatedRouter::can_serve() const {
  return is_awake() &&
         std::ranges::all_of(routers_, [](const auto& router) { return router->is_fit(); });
}

bool SimulatedRouter::holds_any(int instance) const {
  return std::ranges::any_of(virtual_addresses(settings_, instance),
                             [&](const Cidr& address) { return netlink_.has(address); });
}

void SimulatedRouter::boot() {
  routers_.clear();
  stopped_ = false;
  SyncGroup group{.name = "G", .instances = {}};
  const KeyRing keys{{{.id = 1, .secret = std::string(32, 'k')}}};
  for (int instance = 0; instance < settings_.instances; ++instance) {
    const Instance config = config_of(settings_, instance);
    group.instances.push_back(config.name);
    routers_.push_back(std::make_unique<VirtualRouter>(
        config, placement_of(settings_, number_, instance), keys,
        VirtualRouter::Ports{
            .netlink = netlink_, .link = *this, .log = *this, .observer = this, .wall = [this] {
              return WallTime(net_.now().time_since_epoch() + settings_.clock_error);
            }}));
  }
  groups_ = std::make_unique<SyncGroups>(std::vector{group}, [this](const std::string& name) {
    const auto found = std::ranges::find_if(
        routers_, [&](const auto& router) { return router->config().name == name; });
    return found == routers_.end() ? nullptr : found->get();
  });
}

void SimulatedRouter::each(const std::function<void(VirtualRouter&)>& ask) {
  for (const auto& router : routers_) ask(*router);
  while (std::exchange(group_owes_, false)) groups_->carry_out(net_.now());
  net_.measure();
}

void SimulatedRouter::start() {
  running_ = true;
  look_at_links();
  each([&](VirtualRouter& router) { router.start(net_.now()); });
}

void SimulatedRouter::shutdown() {
  each([&](VirtualRouter& router) { router.shutdown(net_.now()); });
  running_ = stopped_ = false;
  net_.measure();
}

void SimulatedRouter::crash() {
  running_ = stopped_ = false;
  waiting_.clear();
  net_.measure();
}

void SimulatedRouter::power_off() {
  for (int instance = 0; instance < settings_.instances; ++instance)
    for (const Cidr& address : virtual_addresses(settings_, instance))
      (void)netlink_.remove_address(link_of(number_, instance).index, address);
  crash();
}

void SimulatedRouter::die_guarded() {
  for (const auto& router : routers_) {
    const Testament testament = router->testament();
    for (const Testament::Address& address : testament.addresses)
      (void)netlink_.remove_address(address.index, address.address);
    for (const Testament::Packet& packet : testament.packets)
      net_.carry_advert(number_, packet.bytes);
  }
  crash();
}

void SimulatedRouter::script(Verdict verdict, int weight) {
  log_.push_back(fmt::format("VRRP_Script(chk_haproxy) {}",
                             verdict == Verdict::Good ? "succeeded" : "failed"));
  const Tracked tracked{.weight = weight, .verdict = verdict};
  each([&](VirtualRouter& router) { router.on_tracked({&tracked, 1}, net_.now()); });
}

void SimulatedRouter::set_link(bool up, int instance) {
  link_up_[static_cast<std::size_t>(instance)] = up;
  if (is_awake()) look_at_links();
}

void SimulatedRouter::stop_process() {
  stopped_ = true;
  net_.measure();
}

void SimulatedRouter::resume() {
  if (!std::exchange(stopped_, false)) return;
  // As the ports do: first that it was away, then what waited in the sockets, and only then any
  // timer.
  each([&](VirtualRouter& router) {
    router.on_absence(net_.now() - router.deadline(), net_.now());
  });
  for (const Bytes& packet : std::exchange(waiting_, {})) hear(packet);
  look_at_links();  // a lease may have ended
}

void SimulatedRouter::look_at_links() {
  for (std::size_t i = 0; i < routers_.size(); ++i) routers_[i]->on_link(link_up_[i], net_.now());
  each([](VirtualRouter&) {});
}

bool SimulatedRouter::passes(ByteView packet) const {
  const std::size_t message = packet[0] >> 4 == 4 ? kIpv4Header : kIpv6Header;
  return link_up_[static_cast<std::size_t>(packet[message + 1] - kFirstRouterId)];
}

Result<void> SimulatedRouter::send_advert(const Endpoints&, ByteView packet) {
  if (passes(packet)) net_.carry_advert(number_, Bytes(packet.begin(), packet.end()));
  return {};
}

Result<void> SimulatedRouter::send_frame(int, ByteView frame) {
  net_.carry_frame(number_, Bytes(frame.begin(), frame.end()));
  return {};
}

void SimulatedRouter::write(Severity, std::string_view text) {
  log_.emplace_back(text);
  if (std::getenv("SIM_SEED"))
    fmt::print("{:10.4f} s, host {}: {}\n",
               std::chrono::duration<double>(net_.now() - VirtualNetwork::kBegin).count(), number_,
               text);
}

void SimulatedRouter::on_became(VirtualRouter& router, State before, TimePoint) {
  if (groups_->on_became(router, before)) group_owes_ = true;
}

void SimulatedRouter::on_fitness(VirtualRouter& router, TimePoint) {
  if (groups_->on_fitness(router)) group_owes_ = true;
}

bool SimulatedRouter::may_lead(const VirtualRouter& router, TimePoint now) {
  return groups_->may_lead(router, now);
}

void SimulatedRouter::hear(const Bytes& packet) {
  each([&](VirtualRouter& router) { router.on_datagram(read_packet(packet), net_.now()); });
}

void SimulatedRouter::receive(const Bytes& packet) {
  if (!running_ || !passes(packet)) return;
  if (stopped_)
    waiting_.push_back(packet);
  else
    hear(packet);
}

TimePoint SimulatedRouter::deadline() const {
  if (!is_awake()) return kNever;
  TimePoint next = kNever;
  for (const auto& router : routers_) next = std::min(next, router->deadline());
  return next;
}

void SimulatedRouter::on_due() {
  each([&](VirtualRouter& router) {
    if (router.deadline() <= net_.now()) router.on_due(net_.now());
  });
}

// ---- the link

SimulatedRouter& VirtualNetwork::router(const SimulatedRouter::Settings& settings) {
  const int number = static_cast<int>(routers_.size()) + 1;
  since_.resize(std::max(since_.size(), static_cast<std::size_t>(settings.instances)));
  routers_.push_back(std::make_unique<SimulatedRouter>(*this, number, settings));
  return *routers_.back();
}

void VirtualNetwork::run_for(Duration span) {
  const TimePoint end = now_ + span;
  for (;;) {
    TimePoint next = wire_.empty() ? kNever : wire_.top().at;
    std::function<void()> act;
    for (const auto& router : routers_) {
      if (router->deadline() < next) {
        next = router->deadline();
        act = [&router] { router->on_due(); };
      }
      if (router->netlink_.next_end() < next) {
        next = router->netlink_.next_end();
        act = [] {};  // the kernels are asked below
      }
    }
    if (next > end) break;
    now_ = std::max(now_, next);
    for (const auto& router : routers_) router->netlink_.pass(now_);
    if (!act) {
      act = wire_.top().deliver;
      wire_.pop();
    }
    act();
    measure();
  }
  now_ = end;
  for (const auto& router : routers_) router->netlink_.pass(now_);
  measure();
}

void VirtualNetwork::cut(const SimulatedRouter& from, const SimulatedRouter& to, bool both_ways) {
  cuts_.emplace_back(from.number(), to.number());
  if (both_ways) cuts_.emplace_back(to.number(), from.number());
}

void VirtualNetwork::heal() {
  cuts_.clear();
}

void VirtualNetwork::carry_advert(int from, const Bytes& packet) {
  for (const auto& router : routers_) {
    if (router->number_ == from) continue;
    if (std::ranges::find(cuts_, std::pair(from, router->number_)) != cuts_.end()) continue;
    const int copies = chance(conditions_.duplication) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy)
      if (!chance(conditions_.loss))
        deliver_later(from, [to = router.get(), packet] { to->receive(packet); });
  }
}

void VirtualNetwork::carry_frame(int from, const Bytes& frame) {
  // A frame of a host that was cut off from everybody does not reach the client either.
  const auto reaches = [&](const auto& router) {
    return router->number_ != from &&
           std::ranges::find(cuts_, std::pair(from, router->number_)) == cuts_.end();
  };
  if (std::ranges::none_of(routers_, reaches)) return;
  const bool is_arp = frame[12] == 0x08 && frame[13] == 0x06;
  const ByteView said = is_arp ? ByteView(frame).subspan(28, 4) : ByteView(frame).subspan(62, 16);
  const IpAddress first = is_arp ? virtual_v4(0).address : virtual_v6(0).address;
  if (std::ranges::equal(said, ByteView(first.data(), first.size())))
    deliver_later(from, [this, from] { client_believes_ = from; });
}

void VirtualNetwork::deliver_later(int from, std::function<void()> deliver) {
  const auto spread =
      static_cast<std::uint64_t>((conditions_.max_delay - conditions_.min_delay).count()) + 1;
  const Duration delay =
      conditions_.min_delay + Duration(static_cast<std::int64_t>(random(spread)));
  TimePoint at = now_ + delay;
  if (!conditions_.reorder) at = last_delivery_[from] = std::max(at, last_delivery_[from]);
  wire_.push({at, ++order_, std::move(deliver)});
}

int VirtualNetwork::holders(int instance) const {
  return static_cast<int>(std::ranges::count_if(
      routers_, [&](const auto& router) { return router->holds_any(instance); }));
}

SimulatedRouter* VirtualNetwork::master(int instance) {
  if (holders(instance) != 1) return nullptr;
  const auto found = std::ranges::find_if(
      routers_, [&](const auto& router) { return router->holds_address(instance); });
  return found == routers_.end() ? nullptr : found->get();
}

void VirtualNetwork::measure() {
  const auto follow = [this](bool holds, TimePoint& since, Duration& longest) {
    if (since != kNever) longest = std::max(longest, now_ - since);
    if (!holds)
      since = kNever;
    else if (since == kNever)
      since = now_;
  };
  TimePoint awake = kNever;  // since when at least one could serve
  for (const auto& router : routers_) {
    if (router->can_serve())
      awake = std::min(awake, awake_since_.try_emplace(router->number_, now_).first->second);
    else
      awake_since_.erase(router->number_);
    bool holds = false;
    for (std::size_t i = 0; i < since_.size(); ++i) holds |= router->holds_any(static_cast<int>(i));
    follow(holds && !router->is_awake(),
           haunts_since_.try_emplace(router->number_, kNever).first->second, longest_haunting_);
  }
  for (std::size_t i = 0; i < since_.size(); ++i) {
    const int instance = static_cast<int>(i);
    const int count = holders(instance);
    const auto are = [&](State state) {
      return std::ranges::count_if(routers_, [&](const auto& router) {
        return router->is_awake() && router->router(instance).state() == state;
      });
    };
    const auto masters = are(State::Master);
    Since& since = since_[i];
    follow(count == 0, since.gap, longest_gap_);
    follow(count > 1, since.overlap, longest_overlap_);
    follow(masters > 1, since.rivalry, longest_rivalry_);
    // The clock of whoever waits begins anew when the last of those that were awake falls asleep.
    if (since.wait != kNever) since.wait = std::max(since.wait, awake);
    follow(masters + are(State::Claiming) == 0 && awake != kNever, since.wait, longest_wait_);
  }
}

void VirtualNetwork::forget() {
  longest_gap_ = longest_overlap_ = longest_rivalry_ = longest_wait_ = longest_haunting_ =
      Duration::zero();
  for (Since& since : since_) since = {};
  haunts_since_.clear();
  measure();
}

}  // namespace hapair::vrrp
