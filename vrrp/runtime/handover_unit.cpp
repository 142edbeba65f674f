#include "vrrp/runtime/handover_unit.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/crypto.h"
#include "common/text.h"
#include "vrrp/net/connection_list.h"

namespace hapair::vrrp {
namespace {

// Between the places of the ports.
constexpr char kBetween = ';';

std::string table_of(const Port& port) {
  return fmt::format("hapair_{}_{}", port.router().config().virtual_router_id, port.link().index);
}

std::vector<std::string> tables_of(const std::vector<Port*>& ports) {
  std::vector<std::string> out;
  for (const Port* port : ports) out.push_back(table_of(*port));
  return out;
}

std::vector<IpAddress> addresses_of(const Port& port) {
  std::vector<IpAddress> out;
  for (const AddressOrder& order : port.router().placement().addresses)
    out.push_back(order.address.address);
  return out;
}

/// Where packets for its addresses come in.
std::vector<std::string> interfaces_of(const Port& port) {
  const Placement& placement = port.router().placement();
  std::set<std::string> out{placement.link.name, placement.face.name};
  for (const Link& link : placement.other_links) out.insert(link.name);
  return {out.begin(), out.end()};
}

bool is_link_local(const IpAddress& address) {
  return address.is_v6() && address.data()[0] == 0xFE && (address.data()[1] & 0xC0) == 0x80;
}

LinkPlace place_of(const Port& port, Netlink& netlink) {
  LinkPlace place{.mac = port.link().mac, .v4 = {}, .v6 = {}};
  const auto present = netlink.addresses(port.link().index);
  if (!present) return place;
  const std::vector<IpAddress> moving = addresses_of(port);
  for (const Cidr& own : *present) {
    if (std::ranges::find(moving, own.address) != moving.end()) continue;
    if (own.address.is_v4() && !place.v4) place.v4 = own.address;
    if (is_link_local(own.address) && !place.v6) place.v6 = own.address;
  }
  return place;
}

/// One handover's name: nobody has used it, and nobody will.
std::uint64_t new_id() {
  std::array<std::uint8_t, 8> bytes{};
  fill_randomly(bytes);
  return std::uint64_t{load_be32(bytes.data())} << 32 | load_be32(bytes.data() + 4);
}

}  // namespace

HandoverUnit::HandoverUnit(Host host, std::string name, std::vector<Port*> ports,
                           handover::Settings settings)
    : host_(std::move(host)),
      name_(std::move(name)),
      ports_(std::move(ports)),
      giver_(settings),
      taker_(settings),
      loopback_(host_.netlink),
      forwarding_(host_.loop, tables_of(ports_)),
      timer_(host_.loop, [this] { on_due(); }) {}

HandoverUnit::~HandoverUnit() = default;

bool HandoverUnit::has(const VirtualRouter& router) const {
  return std::ranges::any_of(ports_, [&](const Port* port) { return &port->router() == &router; });
}

State HandoverUnit::state() const {
  for (const Port* port : ports_)
    if (port->router().state() != State::Master) return port->router().state();
  return State::Master;
}

std::vector<IpAddress> HandoverUnit::addresses() const {
  std::vector<IpAddress> out;
  for (const Port* port : ports_)
    for (const IpAddress& address : addresses_of(*port)) out.push_back(address);
  return out;
}

std::string HandoverUnit::own_places() const {
  std::string out;
  for (const Port* port : ports_) {
    if (!out.empty()) out += kBetween;
    out += place_of(*port, host_.netlink).to_string();
  }
  return out;
}

void HandoverUnit::give(bool lossless) {
  outcome_.reset();
  gave_at_.reset();
  if (lossless)
    run(giver_.give(new_id(), host_.loop.now()));
  else
    run(handover::Orders{handover::Give{}});
}

void HandoverUnit::want() { run(taker_.want(host_.loop.now())); }

void HandoverUnit::on_word(const PairMessage::Handover& word) {
  const TimePoint now = host_.loop.now();
  if (word.step == "offer") {
    other_places_ = word.detail;
    run(taker_.on_offer(word.id, state(), now));
  } else if (word.step == "ready") {
    run(giver_.on_ready(word.id, now));
  } else if (word.step == "refuse") {
    run(giver_.on_refusal(word.id, word.detail, now));
  } else if (word.step == "go") {
    run(taker_.on_go(word.id, now));
  } else if (word.step == "done") {
    run(taker_.on_done(word.id));
  } else if (word.step == "want" && state() == State::Master) {
    give(true);
  }
}

void HandoverUnit::on_report(const PeerGuard::Report& report) {
  if (report.state == State::Master && gave_at_ && outcome_)
    outcome_->gap = host_.loop.now() - *std::exchange(gave_at_, std::nullopt);
  if (!report.fit) run(giver_.on_unfit(report.state, state()));
}

void HandoverUnit::on_silence() {
  run(giver_.on_silence());
  run(taker_.on_silence());
}

void HandoverUnit::on_state() {
  run(giver_.on_state(state(), host_.loop.now()));
  run(taker_.on_state(state(), host_.loop.now()));
}

void HandoverUnit::shutdown() {
  run(giver_.on_shutdown());
  run(taker_.on_shutdown());
  forwarding_.remove_now();
  timer_.disarm();
}

std::vector<PairMessage::Handover> HandoverUnit::words() const {
  std::vector<PairMessage::Handover> out;
  for (const handover::Word& word : {giver_.word(), taker_.word()}) {
    if (word.word.empty()) continue;
    out.push_back({.step = std::string(word.word),
                   .instance = name_,
                   .id = word.id,
                   .detail = word.word == "offer" ? own_places() : word.detail});
  }
  return out;
}

Testament HandoverUnit::testament() const {
  Testament out = loopback_.testament();
  if (forwarding_.is_wanted()) out.tables = forwarding_.tables();
  return out;
}

bool HandoverUnit::is_quiet() const {
  return giver_.step() == HandoverGiver::Step::Idle && taker_.step() == HandoverTaker::Step::Idle;
}

void HandoverUnit::on_due() {
  const TimePoint now = host_.loop.now();
  if (loopback_.deadline() <= now) loopback_.renew(now);
  run(giver_.on_deadline(now));
  run(taker_.on_deadline(now));
}

void HandoverUnit::rearm() {
  timer_.arm(std::min({giver_.deadline(), taker_.deadline(), loopback_.deadline()}));
}

void HandoverUnit::run(const handover::Orders& orders) {
  for (const handover::Order& order : orders)
    std::visit([this](const auto& value) { run(value); }, order);
  rearm();
  // A word that answers nothing new would be answered itself, and so for ever.
  const std::array words{giver_.word(), taker_.word()};
  if (std::exchange(words_, words) != words || !orders.empty()) host_.on_change();
}

void HandoverUnit::run(const handover::HoldOnLoopback&) {
  std::vector<std::string> interfaces;
  for (const Port* port : ports_)
    for (std::string& name : interfaces_of(*port)) interfaces.push_back(std::move(name));
  const auto held = loopback_.hold(addresses(), interfaces, host_.loop.now());
  if (!held)
    run(handover::Told{fmt::format("connections that are established break: {}",
                                   held.error().message),
                       true});
}

void HandoverUnit::run(const handover::ReleaseLoopback&) { loopback_.release(); }

void HandoverUnit::run(const handover::Give&) {
  gave_at_ = host_.loop.now();
  host_.say();  // so that it takes over because it was asked to, not because we fell
  for (Port* port : ports_) {
    port->router().hand_over(host_.loop.now());
    port->rearm();
  }
}

void HandoverUnit::run(const handover::Take&) {
  for (Port* port : ports_) {
    port->router().take_over(host_.loop.now());
    port->rearm();
  }
}

/// With very many connections the kernel takes its time to list them.
void HandoverUnit::run(const handover::Count&) {
  const auto counted = std::make_shared<Result<std::vector<Connection>>>();
  host_.loop.offload(
      [counted, addresses = addresses()] { *counted = list_connections(addresses); },
      [counted, weak = std::weak_ptr(self_)] {
        const auto self = weak.lock();
        if (!self || !*counted) return;  // asked again soon
        HandoverUnit& unit = **self;
        unit.run(unit.giver_.on_connections((*counted)->size(), unit.host_.loop.now()));
      });
}

void HandoverUnit::run(const handover::InstallForwarding&) {
  const auto refuse = [this](std::string_view why) {
    run(taker_.on_installed(false, why, host_.loop.now()));
  };
  const auto places = split(other_places_, kBetween);
  if (places.size() != ports_.size()) return refuse("the other node has other instances");
  std::vector<ForwardRules> all;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const auto place = LinkPlace::parse(places[i]);
    if (!place) return refuse("the other node does not say where it is");
    all.push_back({.table = table_of(*ports_[i]),
                   .interfaces = interfaces_of(*ports_[i]),
                   .exit = ports_[i]->link().name,
                   .other = *place,
                   .addresses = addresses_of(*ports_[i]),
                   .own = {}});
  }
  forwarding_.install(std::move(all), [this](const Result<void>& installed) {
    run(taker_.on_installed(installed.has_value(), installed ? "" : installed.error().message,
                            host_.loop.now()));
  });
}

void HandoverUnit::run(const handover::RemoveForwarding&) { forwarding_.remove(); }

void HandoverUnit::run(const handover::Told& told) {
  host_.log.log(told.failed ? Severity::Warning : Severity::Notice, "VRRP_Instance({}) {}", name_,
                told.text);
  const auto gap = outcome_ ? outcome_->gap : std::nullopt;
  outcome_ = Outcome{.at = wall_now(), .kept = !told.failed, .text = told.text, .gap = gap};
}

}  // namespace hapair::vrrp
