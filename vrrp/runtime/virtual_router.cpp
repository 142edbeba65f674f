#include "vrrp/runtime/virtual_router.h"

#include <algorithm>
#include <utility>

#include "vrrp/core/arp.h"
#include "vrrp/core/neighbour.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// Whoever removes an address again and again wants it gone, or gives it to somebody else: then the
// peer is asked, and after a pause we try again.
constexpr std::size_t kRestores = 5;
constexpr Duration kRestoreWindow = 10s;
constexpr Duration kBeforeRetry = 1min;

// After a takeover, and after a rival was heard, others may still answer for the addresses so long.
constexpr Duration kGrace = 2s;

std::chrono::seconds whole_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration);
}

bool carries(const std::vector<Cidr>& list, const IpAddress& address) {
  return std::ranges::find(list, address, &Cidr::address) != list.end();
}

Authentication authentication(const Instance& config, const KeyRing& keys) {
  Authentication out{.password = auth_bytes(config.auth.password), .keys = keys};
  switch (config.auth.type) {
    case Auth::Type::None: break;
    case Auth::Type::Pass: out.kind = Authentication::Kind::Password; break;
    case Auth::Type::Header: out.kind = Authentication::Kind::Header; break;
    case Auth::Type::Hmac: out.kind = Authentication::Kind::Trailer; break;
  }
  switch (config.auth.mode) {
    case Auth::Mode::ReceiveOnly: out.mode = Authentication::Mode::ReceiveOnly; break;
    case Auth::Mode::Permissive: out.mode = Authentication::Mode::Permissive; break;
    case Auth::Mode::Enforce: out.mode = Authentication::Mode::Enforce; break;
  }
  out.timed = config.auth.timed;
  // As keepalived derives it: what one interval can make a clock differ, five seconds at least.
  constexpr Duration kLeast = 5s, kMost = 300s;
  out.window = config.auth.window > Duration::zero()
                   ? config.auth.window
                   : std::clamp(3 * config.advert_interval, kLeast, kMost);
  return out;
}

AdvertCodec::Settings codec_settings(const Instance& config, const Placement& placement,
                                     const KeyRing& keys) {
  const bool version3 = config.version == 3;
  const bool unicast = !config.unicast_peers.empty();
  AdvertCodec::Settings out{
      .version = version3 ? Version::V3 : Version::V2,
      .virtual_router_id = static_cast<std::uint8_t>(config.virtual_router_id),
      .interval = config.advert_interval,
      .auth = authentication(config, keys),
      .checksum = version3 && config.checksum != ChecksumChoice::Plain ? ChecksumForm::Pseudo
                                                                       : ChecksumForm::Plain,
      .checksum_follows_peer = version3 && config.checksum == ChecksumChoice::Auto,
      .own = {},
      .peers = placement.peers,
      .least_ttl = unicast ? static_cast<std::uint8_t>(config.least_ttl) : kTtl,
      .ttl = unicast ? static_cast<std::uint8_t>(config.unicast_ttl) : kTtl};
  for (const Channel& channel : placement.channels) out.own.push_back(channel.source);
  return out;
}

InstanceFsm::Preempt preempt(Preempt choice) {
  switch (choice) {
    case Preempt::Always: return InstanceFsm::Preempt::Always;
    case Preempt::Delay: return InstanceFsm::Preempt::Delay;
    case Preempt::Never: return InstanceFsm::Preempt::Never;
  }
  return InstanceFsm::Preempt::Always;
}

InstanceFsm::Settings election_settings(const Instance& config, const Placement& placement) {
  InstanceFsm::Settings out{
      .source = placement.channels.front().source,
      .priority = static_cast<std::uint8_t>(config.priority),
      .interval = config.advert_interval,
      .version = config.version == 3 ? Version::V3 : Version::V2,
      .longest_adopted = config.longest_adopted > Duration::zero() ? config.longest_adopted
                                                                   : 3 * config.advert_interval,
      .claims_at_start = config.state == InitialState::Master,
      .preempt = preempt(config.preempt),
      .preempt_delay = config.preempt_delay,
      .startup_delay = config.startup_delay,
      .hold_down = config.hold_down,
      .peer_priority = placement.peer_priority,
      .only_peer = placement.peer.has_value()};
  if (placement.channels.size() > 1) out.other_source = placement.channels[1].source;
  return out;
}

/// The kernel takes an address away some time after its lease (a twentieth, measured); a backup may be
/// master two intervals after our last renewal.
Duration lease(const Instance& config) {
  if (config.lease) return *config.lease;
  return std::max(std::chrono::seconds(1), whole_seconds(2 * config.advert_interval));
}

AddressKeeper::Settings keeper_settings(const Instance& config, const Placement& placement) {
  return {.addresses = placement.addresses, .routes = placement.routes, .lease = lease(config)};
}

AnnounceSchedule::Settings announcement_settings(const Instance& config) {
  return {.repeat = config.announcements.repeat,
          .delay = config.announcements.delay,
          .refresh = config.announcements.refresh,
          .refresh_repeat = config.announcements.refresh_repeat};
}

}  // namespace

VirtualRouter::VirtualRouter(const Instance& config, Placement placement, const KeyRing& keys,
                             Ports ports)
    : config_(config),
      placement_(std::move(placement)),
      ports_(std::move(ports)),
      codec_(codec_settings(config, placement_, keys)),
      fsm_(election_settings(config, placement_)),
      keeper_(keeper_settings(config, placement_), ports_.netlink),
      announcements_(announcement_settings(config)) {
  has_sources();
}

void VirtualRouter::start(TimePoint now) {
  started_ = true;
  run(fsm_.on_start(now), now);
}

void VirtualRouter::resume(const InstanceFsm::Memory& memory, TimePoint now) {
  started_ = true;
  before_ = memory.state;
  run(fsm_.on_resume(memory, now), now);
  if (fsm_.state() == State::Master) {
    announcements_.on_resumed(now);
    if (config_.announcements.probe > 0s) probe_at_ = now + config_.announcements.probe;
    alarm_from_ = now + kGrace;
    if (!addresses_fit_) give_up("an address cannot be added", now);
  }
  if (ports_.observer) ports_.observer->on_testament(*this);
}

void VirtualRouter::give_back(const Instance& config, const Placement& placement) {
  if (fsm_.state() == State::Master) tell(keeper_.give_back(keeper_settings(config, placement)));
}

void VirtualRouter::change(const Instance& config, Placement placement, const KeyRing& keys,
                           TimePoint now) {
  const bool has_more = std::ranges::any_of(placement.addresses, [&](const AddressOrder& order) {
    return std::ranges::find(placement_.addresses, order) == placement_.addresses.end();
  });
  if (placement.peer != placement_.peer) peer_ = {};
  config_ = config;
  placement_ = std::move(placement);
  codec_.change(codec_settings(config_, placement_, keys));
  fsm_.change(election_settings(config_, placement_), now);
  announcements_.change(announcement_settings(config_), now);
  keeper_.change(keeper_settings(config_, placement_));
  restored_.clear();
  if (retry_at_ != kNever) retry_at_ = now;  // what could not be added may be another address
  probe_at_ = kNever;
  if (fsm_.state() == State::Master) {
    if (config_.announcements.probe > 0s) probe_at_ = now + config_.announcements.probe;
    if (!tell(keeper_.put(now))) return give_up("an address cannot be added", now);
    if (has_more) {
      alarm_from_ = now + kGrace;
      announce_again(now);
    }
  }
  if (ports_.observer) ports_.observer->on_testament(*this);
}

void VirtualRouter::on_datagram(const tl::expected<Datagram, Refusal>& datagram, TimePoint now) {
  if (!datagram) return refused(datagram.error(), nullptr, now);
  const auto advert = codec_.decode(*datagram, ports_.wall());
  if (!advert) return refused(advert.error(), &*datagram, now);
  const IpAddress& from = datagram->way.source;
  ++counters_.received;
  if (advert->priority == kResign) ++counters_.resignations_received;
  heard_ = Heard{from, advert->priority, advert->interval, now};
  if (from == placement_.peer) {
    peer_.on_advert(advert->priority, now);
    judge_link(now);
  }
  compare_addresses(*advert, *datagram, now);
  compare_intervals(*advert, from, now);
  if (fsm_.state() == State::Master) alarm_from_ = std::max(alarm_from_, now + kGrace);
  const Duration interval = config_.version == 3 ? advert->interval : Duration::zero();
  run(fsm_.on_advert(from, advert->priority, now, interval), now);
}

void VirtualRouter::on_due(TimePoint now) {
  if (retry_at_ <= now) {
    retry_at_ = kNever;
    addresses_fit_ = true;
    restored_.clear();
    update_fitness(now);
  }
  const bool waits = fsm_.state() == State::Backup && fsm_.deadline() <= now && ports_.observer &&
                     !ports_.observer->may_lead(*this, now);
  if (waits)
    fsm_.wait_on(now);
  else
    run(fsm_.on_deadline(now), now);
  if (keeper_.deadline() <= now) tell(keeper_.renew(now));
  if (announcements_.deadline() <= now) send_announcements(now, false);
  if (probe_at_ <= now) send_probes(now);
}

void VirtualRouter::on_tracked(std::span<const Tracked> tracked, TimePoint now,
                               std::string_view why) {
  tracked_fit_ = fit_to_serve(tracked);
  tracked_trouble_ = why;
  const std::uint8_t before = fsm_.priority();
  const std::uint8_t priority = effective_priority(config_.priority, tracked);
  if (priority != before && started_)
    ports_.log.log(Severity::Info, "VRRP_Instance({}) Changing effective priority from {} to {}",
                   config_.name, before, priority);
  run(fsm_.on_priority(priority, now), now);
  if (priority != before && ports_.observer) ports_.observer->on_priority(*this);
  update_fitness(now);
}

void VirtualRouter::on_link(bool up, TimePoint now) {
  const bool down = !up && config_.track_own_interface;
  link_usable_ = !down && has_sources();
  if (down) link_trouble_ = fmt::format("interface {} is down or gone", placement_.link.name);
  update_fitness(now);
  restore_addresses(now);
  if (refresh_mac() && fsm_.state() == State::Master) announce_again(now);
}

void VirtualRouter::on_group_usable(bool usable, TimePoint now) {
  group_fit_ = usable;
  update_fitness(now);
}

void VirtualRouter::on_rehearsed(bool fails, TimePoint now) {
  rehearses_ = fails;
  update_fitness(now);
}

void VirtualRouter::on_peer(const std::optional<PeerGuard::Report>& report, TimePoint now) {
  if (report && placement_.peer) {
    if (const auto priority = peer_.on_report(*report, fsm_.state(), now))
      run(fsm_.on_advert(*placement_.peer, *priority, now), now);
    judge_link(now);
  } else {
    peer_.on_silence();
  }
  fsm_.set_peer_priority(peer_.priority());
}

void VirtualRouter::judge_link(TimePoint now) {
  switch (peer_.judge_link(fsm_.master_down_interval(), now)) {
    case PeerGuard::Link::Unchanged: break;
    case PeerGuard::Link::Deaf:
      ports_.log.log(Severity::Alert,
                     "VRRP_Instance({}) {} is master, as it says over the pair channel, but its adverts "
                     "do not come in on {}: look for what drops VRRP on the way",
                     config_.name, placement_.peer->to_string(), placement_.link.name);
      break;
    case PeerGuard::Link::Heard:
      ports_.log.log(Severity::Notice, "VRRP_Instance({}) the adverts of {} come in on {} again",
                     config_.name, placement_.peer->to_string(), placement_.link.name);
      break;
  }
}

void VirtualRouter::update_fitness(TimePoint now) {
  trouble_ = !link_usable_      ? link_trouble_
             : !tracked_fit_    ? tracked_trouble_
             : !addresses_fit_  ? address_trouble_
             : rehearses_       ? "a drill has it fail"
             : !group_fit_      ? "another member of its synchronization group cannot serve"
                                : "";
  run(fsm_.on_usable(is_fit() && group_fit_, now), now);
  if (std::exchange(told_fit_, is_fit()) != is_fit() && ports_.observer)
    ports_.observer->on_fitness(*this, now);
}

void VirtualRouter::on_absence(Duration absence, TimePoint now) {
  if (absence <= fsm_.longest_absence()) return;
  ++counters_.absences;
  if (fsm_.state() == State::Master)
    ports_.log.log(Severity::Warning,
                   "VRRP_Instance({}) the daemon did not run for {}: giving the addresses up before "
                   "anything else",
                   config_.name, format_duration(std::chrono::ceil<std::chrono::milliseconds>(absence)));
  run(fsm_.on_stall(now), now);
}

void VirtualRouter::restore_addresses(TimePoint now) {
  if (fsm_.state() != State::Master) return;
  const auto missing = keeper_.missing();
  tell(keeper_.put_routes());
  if (missing.empty()) return;
  std::erase_if(restored_, [&](TimePoint at) { return now - at >= kRestoreWindow; });
  const std::string what = fmt::format("{} was removed from {}",
                                       missing.front().address.to_string(), placement_.face.name);
  if (restored_.size() == kRestores)
    return give_up(fmt::format("{}, again after it was put back {} times", what, kRestores), now);
  restored_.push_back(now);
  counters_.restored += missing.size();
  ports_.log.log(Severity::Warning, "VRRP_Instance({}) {}: putting it back", config_.name, what);
  if (!tell(keeper_.put_back(missing))) return give_up("an address cannot be added", now);
  tell(keeper_.put_routes());
  announce_again(now);
}

bool VirtualRouter::tell(const std::vector<Error>& errors) {
  for (const Error& error : errors)
    ports_.log.log(Severity::Error, "VRRP_Instance({}) {} on {}", config_.name, error.message,
                   placement_.face.name);
  return errors.empty();
}

void VirtualRouter::give_up(std::string_view why, TimePoint now) {
  addresses_fit_ = false;
  address_trouble_ = why;
  retry_at_ = now + kBeforeRetry;
  ports_.log.log(Severity::Error, "VRRP_Instance({}) cannot serve: {}; the next try is in {} s",
                 config_.name, why, whole_seconds(kBeforeRetry).count());
  update_fitness(now);
}

bool VirtualRouter::has_sources() {
  const auto present = ports_.netlink.addresses(placement_.link.index);
  if (present) {
    std::vector<Cidr> networks = *present;
    std::erase_if(networks, [&](const Cidr& network) {
      return std::ranges::any_of(placement_.addresses, [&](const AddressOrder& order) {
        return order.address.address == network.address;
      });
    });
    codec_.set_networks(std::move(networks));
  }
  const auto missing =
      std::ranges::find_if(placement_.channels, [&](const Channel& channel) {
        return !present || !carries(*present, channel.source);
      });
  if (missing == placement_.channels.end()) {
    source_missing_ = false;
    return true;
  }
  link_trouble_ = present ? fmt::format("{} does not carry our own address {}{}",
                                        placement_.link.name, missing->source.to_string(),
                                        missing->is_v6() ? "" : placement_.source_key)
                          : present.error().message;
  if (!std::exchange(source_missing_, true))
    ports_.log.log(Severity::Error, "VRRP_Instance({}) cannot serve: {}", config_.name,
                   link_trouble_);
  return false;
}

bool VirtualRouter::refresh_mac() {
  const auto link = ports_.netlink.link(placement_.face.index);
  if (!link || link->mac == placement_.face.mac) return false;
  placement_.face.mac = link->mac;
  return true;
}

void VirtualRouter::shutdown(TimePoint now) {
  retry_at_ = kNever;
  run(fsm_.on_shutdown(), now);
}

TimePoint VirtualRouter::deadline() const {
  return std::min({fsm_.deadline(), announcements_.deadline(), keeper_.deadline(), retry_at_,
                   probe_at_});
}

void VirtualRouter::run(const Effects& effects, TimePoint now) {
  for (const Effect& effect : effects) {
    if (const auto line = log_line(effect, config_.name)) log_change(*line);
    std::visit([&](const auto& value) { run(value, now); }, effect);
  }
  if (!effects.empty() && ports_.observer) ports_.observer->on_testament(*this);
}

void VirtualRouter::log_change(std::string_view line) {
  const std::string priority = std::to_string(this->priority()), cause = why();
  const LogField fields[] = {{"HAPAIR_INSTANCE", config_.name},
                             {"HAPAIR_STATE", to_string(state())},
                             {"HAPAIR_PRIORITY", priority},
                             {"HAPAIR_CAUSE", cause}};
  ports_.log.write_with(Severity::Info, line, fields);
}

std::string VirtualRouter::why() const {
  const Cause& cause = fsm_.cause();
  return cause.kind == Cause::Kind::Unusable && !trouble().empty() ? trouble() : to_string(cause);
}

void VirtualRouter::run(const Noticed& effect, TimePoint) {
  if (effect.event == Noticed::Event::LowerAdvert && ports_.observer)
    ports_.observer->on_lower_heard(*this);
}

std::vector<IpAddress> VirtualRouter::advertised(bool v6) const {
  std::vector<IpAddress> out;
  for (const VirtualAddress& address : config_.virtual_addresses)
    if (address.advertised && address.address.address.is_v6() == v6)
      out.push_back(address.address.address);
  return out;
}

Bytes VirtualRouter::encode(std::uint8_t priority, const Channel& channel,
                            const IpAddress& destination) {
  return codec_.encode(priority, advertised(channel.is_v6()), {channel.source, destination},
                       ports_.wall());
}

void VirtualRouter::run(const SendAdvert& effect, TimePoint) {
  Result<void> failure;
  for (const Channel& channel : placement_.channels) {
    for (const IpAddress& destination : channel.destinations) {
      const Bytes packet = encode(effect.priority, channel, destination);
      const auto sent = ports_.link.send_advert({channel.source, destination}, packet);
      if (sent)
        ++counters_.sent;
      else
        failure = sent;
    }
  }
  if (effect.priority == kResign) ++counters_.resignations_sent;
  if (!failure && !sending_fails_)
    ports_.log.log(Severity::Warning, "VRRP_Instance({}) {}", config_.name,
                   failure.error().message);
  sending_fails_ = !failure;
}

void VirtualRouter::run(const AddAddresses&, TimePoint now) {
  ports_.log.log(Severity::Info, "VRRP_Instance({}) setting protocol VIPs.", config_.name);
  addresses_fit_ = tell(keeper_.put(now));
}

void VirtualRouter::run(const RemoveAddresses&, TimePoint) {
  announcements_.on_lost();
  probe_at_ = kNever;
  bool were_there = false;
  const auto errors = keeper_.remove(were_there);
  if (were_there)
    ports_.log.log(Severity::Info, "VRRP_Instance({}) removing protocol VIPs.", config_.name);
  tell(errors);
}

void VirtualRouter::run(const Announce& effect, TimePoint now) {
  if (!addresses_fit_) return;  // about to give up: nobody shall come here
  if (effect.cause == Announce::Cause::Takeover) {
    announcements_.on_takeover(now);
    if (config_.announcements.probe > 0s) probe_at_ = now + kGrace;
    alarm_from_ = now + kGrace;
  } else {
    announcements_.on_rival(now);
  }
  send_announcements(now, effect.cause == Announce::Cause::Takeover);
}

void VirtualRouter::run(const Became& effect, TimePoint now) {
  if (effect.state == State::Master) ++counters_.became_master;
  if (before_ == State::Master) ++counters_.released_master;
  const State before = std::exchange(before_, effect.state);
  // A master that could not add what it must have gives up, after it was told what it is.
  if (ports_.observer) ports_.observer->on_became(*this, before, now);
  if (effect.state == State::Master && !addresses_fit_) give_up("an address cannot be added", now);
}

void VirtualRouter::announce_again(TimePoint now) {
  announcements_.on_takeover(now);
  send_announcements(now, true);
}

void VirtualRouter::send_announcements(TimePoint now, bool tell_of_it) {
  const int count = announcements_.take_due(now);
  if (count == 0) return;
  refresh_mac();  // a bond's changes with its active port
  for (const AddressOrder& order : keeper_.addresses()) {
    const IpAddress& address = order.address.address;
    if (tell_of_it)
      ports_.log.log(Severity::Info, "VRRP_Instance({}) Sending {} on {} for {}", config_.name,
                     address.is_v4() ? "gratuitous ARPs" : "unsolicited neighbour adverts",
                     placement_.link_at(order.index).name, address.to_string());
    const MacAddress mac = placement_.link_at(order.index).mac;
    const Bytes frame = address.is_v4()
                            ? gratuitous_arp(mac, address)
                            : unsolicited_neighbour_advert(mac, address, placement_.forwards_v6);
    for (int i = 0; i < count; ++i) {
      // A refused frame (link just gone) is told by the adverts that fail with it.
      if (!ports_.link.send_frame(order.index, frame)) break;
      ++counters_.announcements;
    }
  }
}

void VirtualRouter::send_probes(TimePoint now) {
  probe_at_ = now + config_.announcements.probe;
  for (const AddressOrder& order : keeper_.addresses()) {
    const IpAddress& address = order.address.address;
    const auto channel =
        std::ranges::find(placement_.channels, address.is_v6(), &Channel::is_v6);
    // Who asks has an address of that family.
    if (channel == placement_.channels.end()) continue;
    const MacAddress mac = placement_.link_at(order.index).mac;
    (void)ports_.link.send_frame(order.index,
                                 address.is_v4() ? arp_request(mac, channel->source, address)
                                                 : neighbour_solicit(mac, channel->source, address));
  }
}

void VirtualRouter::on_speaker(const MacAddress& mac, const IpAddress& address, TimePoint now) {
  if (fsm_.state() != State::Master || now < alarm_from_) return;
  const auto ours = std::ranges::find_if(keeper_.addresses(), [&](const AddressOrder& order) {
    return order.address.address == address;
  });
  if (ours == keeper_.addresses().end() || placement_.link_at(ours->index).mac == mac ||
      placement_.link.mac == mac)
    return;
  ++counters_.duplicates;
  if (const auto count = duplicate_lines_.take(now))
    ports_.log.log(Severity::Alert,
                   "VRRP_Instance({}) {} is in use by somebody else too: {:02x} answers for it ({} "
                   "since the last such line)",
                   config_.name, address.to_string(), fmt::join(mac, ":"), *count);
}

Testament VirtualRouter::testament() {
  Testament out = placement_.face_testament;
  const bool master = fsm_.state() == State::Master;
  if (!master && fsm_.state() != State::Claiming) return out;
  for (const Channel& channel : placement_.channels) {
    const bool unicast = !config_.unicast_peers.empty();
    for (const IpAddress& destination : channel.destinations)
      // By the interface itself: a macvlan is gone by then.
      out.packets.push_back({.index = unicast ? 0 : placement_.link.index,
                             .interface = unicast ? std::string() : placement_.link.name,
                             .destination = destination,
                             .bytes = encode(kResign, channel, destination)});
  }
  if (!master) return out;
  for (const AddressOrder& order : keeper_.addresses())
    out.addresses.push_back({order.index, order.address});
  out.routes = keeper_.routes();
  return out;
}

void VirtualRouter::refused(Refusal why, const Datagram* datagram, TimePoint now) {
  const auto index = static_cast<std::size_t>(why);
  ++counters_.refused[index];
  // Other routers on the link, and our own echo, are no news.
  if (why == Refusal::Vrid || why == Refusal::OwnAddress) return;
  const auto count = refusal_lines_[index].take(now);
  if (!count) return;
  ports_.log.log(Severity::Warning,
                 "VRRP_Instance({}) ignoring received advertisment from {}: {} ({} since the last "
                 "such line)",
                 config_.name, datagram ? datagram->way.source.to_string() : "?", to_string(why),
                 *count);
}

void VirtualRouter::compare_addresses(const Advert& advert, const Datagram& datagram,
                                      TimePoint now) {
  // RFC 9568 section 7.1 lets a receiver believe an advert whose list differs; keepalived 2.2
  // refuses, and so has two masters while an address is added to one node after the other.
  std::vector<IpAddress> ours = advertised(datagram.way.is_v6());
  std::vector<IpAddress> theirs = advert.addresses;
  std::ranges::sort(ours);
  std::ranges::sort(theirs);
  if (ours == theirs) return;
  ++counters_.other_addresses;
  // However often right and wrong lists alternate.
  if (const auto count = differing_lines_.take(now))
    ports_.log.log(Severity::Warning,
                   "VRRP_Instance({}) {} advertises other virtual addresses than ours ({} since "
                   "the last such line)",
                   config_.name, datagram.way.source.to_string(), *count);
}

void VirtualRouter::compare_intervals(const Advert& advert, const IpAddress& from, TimePoint now) {
  if (advert.interval == config_.advert_interval) return;  // of version 2 always, or it was refused
  if (const auto count = differing_intervals_.take(now))
    ports_.log.log(Severity::Warning,
                   "VRRP_Instance({}) {} advertises every {}, we every {} ({} since the last such "
                   "line)",
                   config_.name, from.to_string(), format_duration(advert.interval),
                   format_duration(config_.advert_interval), *count);
}

}  // namespace hapair::vrrp
