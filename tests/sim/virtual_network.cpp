#include "tests/sim/virtual_network.h"

#include <algorithm>

namespace hapair::vrrp {
namespace {

const Cidr kVirtual{IpAddress::v4(0xC0A8320A), 32};  // 192.168.50.10

IpAddress address_of(int number) {
  return IpAddress::v4(0xC0A8320A + static_cast<std::uint32_t>(number));
}

Link link_of(int number) {
  return {.index = 2,
          .name = "eth1",
          .mac = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(number)},
          .up = true};
}

Instance instance(const SimulatedRouter::Settings& settings) {
  Instance out;
  out.name = "VI_1";
  out.interface = "eth1";
  out.state = settings.state;
  out.virtual_router_id = 51;
  out.priority = settings.priority;
  out.virtual_addresses = {{.address = kVirtual}};
  out.preempt = settings.preempt;
  out.version = settings.version;
  out.advert_interval = settings.interval;
  return out;
}

}  // namespace

// ---- a host

SimulatedRouter::SimulatedRouter(VirtualNetwork& net, int number, const Settings& settings)
    : net_(net),
      number_(number),
      config_(instance(settings)),
      netlink_(link_of(number), {{address_of(number), 24}}) {
  boot();
}

bool SimulatedRouter::holds_address() const {
  return netlink_.has(kVirtual);
}

void SimulatedRouter::boot() {
  const Link link = link_of(number_);
  router_ = std::make_unique<VirtualRouter>(
      config_,
      Placement{.link = link,
                .face = link,
                .channels = {{address_of(number_), {group(false)}}},
                .addresses = {{.index = link.index, .address = kVirtual}}},
      KeyRing{}, VirtualRouter::Ports{netlink_, *this, *this});
}

void SimulatedRouter::start() {
  running_ = true;
  router_->start(net_.now());
  net_.measure();
}

void SimulatedRouter::shutdown() {
  router_->shutdown(net_.now());
  running_ = false;
  net_.measure();
}

void SimulatedRouter::power_off() {
  running_ = false;
  waiting_.clear();
  (void)netlink_.remove_address(2, kVirtual);
  net_.measure();
}

void SimulatedRouter::script(Verdict verdict, int weight) {
  log_.push_back(fmt::format("VRRP_Script(chk_haproxy) {}",
                             verdict == Verdict::Good ? "succeeded" : "failed"));
  const Tracked tracked{.weight = weight, .verdict = verdict};
  router_->on_tracked({&tracked, 1}, net_.now());
  net_.measure();
}

void SimulatedRouter::resume() {
  stopped_ = false;
  // As the supervisor does: what waited in the socket is heard before any timer.
  for (const Bytes& packet : std::exchange(waiting_, {})) router_->on_packet(packet, net_.now());
}

Result<void> SimulatedRouter::send_advert(const Endpoints&, ByteView packet) {
  net_.carry_advert(number_, Bytes(packet.begin(), packet.end()));
  return {};
}

Result<void> SimulatedRouter::send_frame(int, ByteView) {
  net_.carry_frame(number_);
  return {};
}

void SimulatedRouter::write(Severity, std::string_view text) {
  log_.emplace_back(text);
}

void SimulatedRouter::receive(const Bytes& packet) {
  if (!running_) return;
  if (stopped_)
    waiting_.push_back(packet);
  else
    router_->on_packet(packet, net_.now());
}

TimePoint SimulatedRouter::deadline() const {
  return running_ && !stopped_ ? router_->deadline() : kNever;
}

void SimulatedRouter::on_due() {
  router_->on_due(net_.now());
}

// ---- the link

SimulatedRouter& VirtualNetwork::router(const SimulatedRouter::Settings& settings) {
  const int number = static_cast<int>(routers_.size()) + 1;
  routers_.push_back(std::make_unique<SimulatedRouter>(*this, number, settings));
  return *routers_.back();
}

void VirtualNetwork::run_for(Duration span) {
  const TimePoint end = now_ + span;
  for (;;) {
    TimePoint next = wire_.empty() ? kNever : wire_.top().at;
    SimulatedRouter* due = nullptr;
    for (const auto& router : routers_) {
      if (router->deadline() >= next) continue;
      next = router->deadline();
      due = router.get();
    }
    if (next > end) break;
    now_ = std::max(now_, next);
    if (due) {
      due->on_due();
    } else {
      const auto deliver = wire_.top().deliver;
      wire_.pop();
      deliver();
    }
    measure();
  }
  now_ = end;
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
    if (static_cast<double>(random(1'000'000)) < conditions_.loss * 1e6) continue;
    deliver_later(from, [to = router.get(), packet] { to->receive(packet); });
  }
}

void VirtualNetwork::carry_frame(int from) {
  // A frame of a host that was cut off from everybody does not reach the client either.
  const auto reaches = [&](const auto& router) {
    return router->number_ != from &&
           std::ranges::find(cuts_, std::pair(from, router->number_)) == cuts_.end();
  };
  if (std::ranges::none_of(routers_, reaches)) return;
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

int VirtualNetwork::holders() const {
  return static_cast<int>(
      std::ranges::count_if(routers_, [](const auto& router) { return router->holds_address(); }));
}

SimulatedRouter* VirtualNetwork::master() {
  if (holders() != 1) return nullptr;
  return std::ranges::find_if(routers_, [](const auto& router) { return router->holds_address(); })
      ->get();
}

void VirtualNetwork::measure() {
  const int count = holders();
  const auto follow = [this](bool holds, TimePoint& since, Duration& longest) {
    if (since != kNever) longest = std::max(longest, now_ - since);
    if (!holds)
      since = kNever;
    else if (since == kNever)
      since = now_;
  };
  follow(count == 0, gap_since_, longest_gap_);
  follow(count > 1, overlap_since_, longest_overlap_);
}

void VirtualNetwork::forget() {
  longest_gap_ = longest_overlap_ = Duration::zero();
  gap_since_ = overlap_since_ = kNever;
  measure();
}

}  // namespace hapair::vrrp
