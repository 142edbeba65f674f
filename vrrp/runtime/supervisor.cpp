#include "vrrp/runtime/supervisor.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "vrrp/net/libnl_netlink.h"

namespace hapair::vrrp {
namespace {

// Neighbours learn within moments that an address has moved.
constexpr Duration kSettling = std::chrono::milliseconds(500);

bool forwards_v6(const std::string& interface) {
  int value = 0;
  std::ifstream(fmt::format("/proc/sys/net/ipv6/conf/{}/forwarding", interface)) >> value;
  return value != 0;
}

}  // namespace

Supervisor::Supervisor(Loop& loop, const Task& task, Logger& log, std::unique_ptr<Netlink> netlink,
                       AnnounceSocket announcements)
    : config_(task.config),
      keys_(task.keys),
      digest_(task.digest),
      loop_(loop),
      log_(log),
      netlink_(std::move(netlink)),
      announcements_(std::move(announcements)),
      closed_(loop, log),
      trackers_(loop, *netlink_, log, [this] { on_reading(); }),
      groups_(config_.sync_groups, [this](const std::string& name) { return find_router(name); }),
      group_timer_(loop, [this] { carry_out_group_orders(); }),
      drills_({.loop = loop,
               .log = log,
               .trackers = trackers_,
               .ports = ports_,
               .on_testament = [this] { testament_changed_ = true; }}),
      left_timer_(loop, [this] { check_left(); }) {
  netlink_->on_change([this](int index) {
    on_link_change(index);
    trackers_.on_link_change(index);
  });
  loop_.at_turn_end([this] {
    if (std::exchange(links_changed_, false) && !ended_) move_to_new_links();
    publish();
    tell_listeners();
    check_drained();
  });
}

Supervisor::~Supervisor() = default;

Result<std::unique_ptr<Supervisor>> Supervisor::open(Loop& loop, const Task& task, Logger& log) {
  // Before anything is touched.
  std::vector<std::string> warnings;
  auto scripts = prepare_scripts(task.config, warnings);
  if (!scripts) return tl::make_unexpected(scripts.error());
  for (const std::string& warning : warnings) log.write(Severity::Warning, warning);
  auto netlink = LibnlNetlink::open(loop);
  if (!netlink) return tl::make_unexpected(netlink.error());
  auto announcements = AnnounceSocket::open();
  if (!announcements) return tl::make_unexpected(announcements.error());
  std::unique_ptr<Supervisor> self(
      new Supervisor(loop, task, log, *std::move(netlink), *std::move(announcements)));
  for (const Instance& instance : self->config_.instances) {
    auto opened = self->open_router(self->config_, self->keys_, instance, {});
    if (!opened) return tl::make_unexpected(opened.error());
    self->companions_.push_back(std::move(opened->companions));
    self->ports_.push_back(std::move(opened->port));
  }
  // Before anything is answered for.
  if (auto closed = self->closed_.close_now(self->closed_addresses()); !closed)
    return tl::make_unexpected(closed.error());
  self->scripts_ = *std::move(scripts);
  if (auto followed = self->trackers_.follow(self->config_, self->scripts_); !followed)
    return tl::make_unexpected(followed.error());
  if (self->config_.has_pair_channel()) {
    auto pair = self->open_pair(self->config_, self->keys_, task.digest);
    if (!pair) return tl::make_unexpected(pair.error());
    self->pair_ = *std::move(pair);
    self->pair_->set_ports(self->ports_, self->config_.sync_groups);
  }
  self->drills_.change(self->pair_.get(), self->config_.pair.drills);
  return self;
}

Result<std::unique_ptr<Pair>> Supervisor::open_pair(const Config& config, const KeyRing& keys,
                                                    const ConfigDigest& digest) {
  return Pair::open({.loop = loop_,
                     .netlink = *netlink_,
                     .log = log_,
                     .on_testament = [this] { testament_changed_ = true; },
                     .proxy = [this] { return proxy_standing(); },
                     .drills = [this] { return drills_.words(); },
                     .on_drills = [this](const auto& words) { drills_.on_words(words); }},
                    config, keys, digest);
}

/// Of the first tracker that minds it.
std::string Supervisor::proxy_standing() const {
  for (const auto& entry : trackers_.entries())
    if (entry.tracker->kind() == TrackerKind::Proxy) return entry.tracker->standing();
  return {};
}

Result<Supervisor::Opened> Supervisor::open_router(const Config& config, const KeyRing& keys,
                                                   const Instance& instance,
                                                   const std::set<IpAddress>& virtual_ones) {
  const auto failed = [&](const Error& error) {
    return fail(error.code, "instance {}: {}", instance.name, error.message);
  };
  const auto link = find_link(*netlink_, instance);
  if (!link) return failed(link.error());
  Companions companions{.link_name = link->name};
  Link face = *link;
  if (instance.virtual_mac) {
    auto made = VirtualMac::make(*netlink_, *link, virtual_mac_name(instance),
                                 !instance.has(false), instance.virtual_router_id);
    if (!made) return failed(made.error());
    companions.virtual_mac = *std::move(made);
    face = companions.virtual_mac->link();
  }
  auto placement = place(*netlink_, config, instance, *link, face, virtual_ones);
  if (!placement) return failed(placement.error());
  if (companions.virtual_mac) placement->face_testament = companions.virtual_mac->testament();
  placement->forwards_v6 = forwards_v6(face.name);
  auto port = Port::open(loop_, instance, *std::move(placement), keys, *netlink_, announcements_,
                         log_, this);
  if (!port) return failed(port.error());
  auto speakers = open_speakers(**port, instance, (*port)->router().placement());
  if (!speakers) return failed(speakers.error());
  companions.speakers = *std::move(speakers);
  return Opened{std::move(companions), *std::move(port)};
}

Result<std::vector<std::unique_ptr<SpeakerWatch>>> Supervisor::open_speakers(
    Port& port, const Instance& instance, const Placement& placement) {
  std::vector<std::unique_ptr<SpeakerWatch>> speakers;
  if (instance.announcements.probe == Duration::zero()) return speakers;
  // For each interface and family that has addresses.
  std::map<std::pair<int, bool>, std::vector<IpAddress>> wanted;
  for (const AddressOrder& order : placement.addresses)
    wanted[{order.index, order.address.address.is_v6()}].push_back(order.address.address);
  for (const auto& [where, addresses] : wanted) {
    auto socket = SpeakerSocket::open(where.first, addresses);
    if (!socket) return tl::make_unexpected(socket.error());
    speakers.push_back(std::make_unique<SpeakerWatch>(
        loop_, *std::move(socket), [this, &port](const Speaker& speaker) {
          port.router().on_speaker(speaker.mac, speaker.address, loop_.now());
        }));
  }
  return speakers;
}

std::vector<AddressOrder> Supervisor::closed_addresses() const {
  std::vector<AddressOrder> out;
  for (const auto& port : ports_) {
    if (!port->router().config().is_closed()) continue;
    const auto& addresses = port->router().placement().addresses;
    out.insert(out.end(), addresses.begin(), addresses.end());
  }
  return out;
}

void Supervisor::start() {
  loop_.refresh();
  for (const auto& port : ports_) on_link_change(port->link().index);
  for (const auto& port : ports_)
    port->start_by(loop_.now() + port->router().config().advert_interval);
  on_reading();  // instances that track nothing need not wait
}

void Supervisor::on_reading() {
  if (ended_) return;
  bool leaving = false;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    Port* const port = ports_[i].get();
    const auto standing =
        trackers_.standing_of(port->router().config(), companions_[i].trusted);
    if (standing.is_known) companions_[i].trusted = false;
    leaving = leaving || standing.is_leaving;
    port->on_tracked(standing.tracked, standing.trouble);
    if (standing.is_known && !port->router().started()) port->start();
  }
  on_leaving(leaving);
  if (pair_) pair_->on_changed();
}

// ---- planned handovers

void Supervisor::on_leaving(bool leaving) {
  if (std::exchange(leaving_, leaving) == leaving) return;
  left_timer_.arm(leaving ? loop_.now() : kNever);
  if (pair_) return pair_->set_leaving(leaving || on_drained_);
  if (!leaving) return;
  // Nobody can be asked: the address comes back if nobody takes it.
  for (const auto& port : ports_) {
    port->router().hand_over(loop_.now());
    port->rearm();
  }
}

/// A moment after the addresses went: what was on its way to them still comes here.
void Supervisor::check_left() {
  const bool holds = std::ranges::any_of(
      ports_, [](const auto& port) { return port->router().state() == State::Master; });
  left_timer_.arm(loop_.now() + kSettling);
  if (!std::exchange(held_, holds) && !holds) trackers_.on_left();
}

void Supervisor::drain(std::function<void()> on_drained) {
  on_drained_ = std::move(on_drained);
  if (pair_) pair_->set_leaving(true);
}

void Supervisor::check_drained() {
  if (!on_drained_) return;
  const auto can_leave = [&](const auto& port) {
    return port->router().state() != State::Master || !pair_ ||
           !pair_->why_not_hand_over(port->router()).empty();
  };
  if (!std::ranges::all_of(ports_, can_leave) || (pair_ && !pair_->is_quiet())) return;
  std::exchange(on_drained_, nullptr)();
}

void Supervisor::on_handover_wanted(VirtualRouter& router) {
  if (pair_) pair_->on_handover_wanted(router);
}

void Supervisor::on_priority(VirtualRouter& router) {
  remark(router, Remark::Kind::Priority);
  if (pair_) pair_->on_changed();
}

void Supervisor::on_link_change(int index) {
  if (ended_) return;
  links_changed_ = true;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const Placement& placement = ports_[i]->router().placement();
    const auto concerns = [&](const Link& link) { return index == 0 || index == link.index; };
    if (!concerns(placement.link) && !concerns(placement.face) &&
        std::ranges::none_of(placement.other_links, concerns))
      continue;
    look_at_link(i);
  }
}

void Supervisor::look_at_link(std::size_t i) {
  Port* const port = ports_[i].get();
  // By its index: what our sockets are bound to, whatever it is called by now. One of the same name
  // that was made anew is another.
  const auto link = netlink_->link(port->link().index);
  const bool up = link && link->up;
  if (link && link->name != companions_[i].link_name)
    log_.log(Severity::Warning, "interface {} is called {} now, and is used as before: mend the configuration",
             std::exchange(companions_[i].link_name, link->name), link->name);
  if (up != port->was_up)
    log_.log(Severity::Info, "Kernel is reporting: interface {} {}", port->link().name,
             up ? "UP" : "DOWN");
  port->was_up = up;
  port->on_link(up);
}

void Supervisor::shutdown() {
  loop_.refresh();
  ended_ = true;
  on_drained_ = nullptr;
  for (const auto& port : ports_) port->shutdown();
  drills_.shutdown();
  if (pair_) pair_->shutdown();
  publish();
  drills_.change(nullptr, false);
  pair_.reset();  // nobody may offer us an address any more
  tell_listeners();
}

/// When the turn's packets are out and the guardian knows: nobody waits for a listener.
void Supervisor::tell_listeners() {
  bool taken = false;
  for (const auto& news : std::exchange(untold_, {})) {
    if (const auto* transition = std::get_if<Transition>(&news)) {
      taken |= transition->to == State::Master;
      for (const Listener& listener : listeners_) listener(*transition);
    }
    if (const auto* remark = std::get_if<Remark>(&news))
      for (const RemarkListener& listener : remark_listeners_) listener(*remark);
  }
  if (taken) trackers_.on_taken();
}

void Supervisor::remark(const VirtualRouter& router, Remark::Kind kind) {
  untold_.push_back(Remark{router.config().name, kind, router.state(), router.priority()});
}

// ---- what the routers tell

void Supervisor::on_became(VirtualRouter& router, State before, TimePoint now) {
  untold_.push_back(Transition{.instance = router.config().name,
                               .from = before,
                               .to = router.state(),
                               .priority = router.priority(),
                               .why = router.why(),
                               .at = wall_now()});
  if (pair_) pair_->on_became(router);
  if (groups_.on_became(router, before)) group_timer_.arm(now);
}

void Supervisor::on_fitness(VirtualRouter& router, TimePoint now) {
  if (groups_.on_fitness(router)) group_timer_.arm(now);
}

void Supervisor::carry_out_group_orders() {
  if (ended_) return;
  groups_.carry_out(loop_.now());
  for (const auto& port : ports_) port->rearm();
}

VirtualRouter* Supervisor::find_router(const std::string& name) const {
  const auto found = std::ranges::find_if(
      ports_, [&](const auto& port) { return port->router().config().name == name; });
  return found == ports_.end() ? nullptr : &(*found)->router();
}

// ---- the guardian

void Supervisor::set_guardian(Guardian* guardian) {
  guardian_ = guardian;
  testament_changed_ = true;
  publish();
}

void Supervisor::on_testament(VirtualRouter& router) {
  if (!guardian_) return;
  for (std::size_t i = 0; i < ports_.size(); ++i)
    if (&ports_[i]->router() == &router) companions_[i].testament = router.testament();
  testament_changed_ = true;
}

void Supervisor::publish() {
  if (!guardian_ || !std::exchange(testament_changed_, false)) return;
  Testament all;
  for (const Companions& companions : companions_) append(all, companions.testament);
  if (pair_) append(all, pair_->testament());
  append(all, drills_.testament());
  guardian_->publish(all);
}

}  // namespace hapair::vrrp
