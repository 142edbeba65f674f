#include "vrrp/runtime/virtual_router.h"

#include <algorithm>
#include <utility>

#include "vrrp/core/arp.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// One line a minute for each kind of bad packet, with how many there were: junk must not fill
// disks.
constexpr Duration kBetweenLines = 1min;

// Whoever removes an address again and again wants it gone, or gives it to somebody else: then the
// peer is asked, and after a pause we try again.
constexpr std::size_t kRestores = 5;
constexpr Duration kRestoreWindow = 10s;
constexpr Duration kBeforeRetry = 1min;

std::chrono::seconds whole_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration);
}

bool carries(const std::vector<Cidr>& list, const IpAddress& address) {
  return std::ranges::find(list, address, &Cidr::address) != list.end();
}

AuthType auth_type(const Auth& auth) {
  return auth.type == Auth::Type::Pass ? AuthType::Pass : AuthType::None;
}

}  // namespace

VirtualRouter::VirtualRouter(const Instance& config, const IpAddress& source, const Link& link,
                             Ports ports, std::string source_key)
    : config_(config),
      source_(source),
      source_key_(std::move(source_key)),
      link_(link),
      ports_(ports),
      terms_{.version = config.version == 3 ? Version::V3 : Version::V2,
             .virtual_router_id = static_cast<std::uint8_t>(config.virtual_router_id),
             .interval = config.advert_interval,
             .auth_type = auth_type(config.auth),
             .auth = auth_bytes(config.auth.password),
             .own_address = source},
      fsm_({.source = source,
            .priority = static_cast<std::uint8_t>(config.priority),
            .interval = config.advert_interval,
            .version = terms_.version,
            .longest_adopted = config.longest_adopted > Duration::zero()
                                   ? config.longest_adopted
                                   : 3 * config.advert_interval,
            .claims_at_start = config.state == InitialState::Master,
            .preempt = config.preempt}),
      announcements_({.repeat = config.announcements.repeat,
                      .delay = config.announcements.delay,
                      .refresh = config.announcements.refresh,
                      .refresh_repeat = config.announcements.refresh_repeat}),
      checksum_(config.version == 3 && config.checksum != ChecksumChoice::Plain
                    ? ChecksumForm::Pseudo
                    : ChecksumForm::Plain) {}

void VirtualRouter::start(TimePoint now) {
  started_ = true;
  run(fsm_.on_start(now), now);
}

void VirtualRouter::on_packet(ByteView packet, TimePoint now) {
  const auto datagram = read_datagram(packet);
  if (!datagram) return refused(datagram.error(), packet, now);
  const auto advert = decode(*datagram, terms_);
  if (!advert) return refused(advert.error(), packet, now);
  ++counters_.received;
  compare_addresses(*advert, datagram->source, now);
  compare_intervals(*advert, datagram->source, now);
  if (config_.version == 3 && config_.checksum == ChecksumChoice::Auto)
    checksum_ = advert->checksum;
  const Duration interval = config_.version == 3 ? advert->interval : Duration::zero();
  run(fsm_.on_advert(datagram->source, advert->priority, now, interval), now);
}

void VirtualRouter::on_due(TimePoint now) {
  if (retry_at_ <= now) {
    retry_at_ = kNever;
    addresses_fit_ = true;
    restored_.clear();
    run(fsm_.on_usable(fit(), now), now);
  }
  run(fsm_.on_deadline(now), now);
  if (announcements_.deadline() <= now) send_announcements(now, false);
}

void VirtualRouter::on_tracked(std::span<const Tracked> tracked, TimePoint now) {
  scripts_fit_ = fit_to_serve(tracked);
  run(fsm_.on_priority(effective_priority(config_.priority, tracked), now), now);
  run(fsm_.on_usable(fit(), now), now);
}

void VirtualRouter::on_link(bool up, TimePoint now) {
  link_usable_ = up && has_source();
  run(fsm_.on_usable(fit(), now), now);
  restore_addresses(now);
  if (refresh_mac() && fsm_.state() == State::Master) {
    announcements_.on_takeover(now);
    send_announcements(now, true);
  }
}

void VirtualRouter::restore_addresses(TimePoint now) {
  if (fsm_.state() != State::Master) return;
  const auto present = ports_.netlink.addresses(link_.index);
  if (!present) return;
  std::vector<Cidr> missing = config_.virtual_addresses;
  std::erase_if(missing, [&](const Cidr& a) { return carries(*present, a.address); });
  if (missing.empty()) return;
  std::erase_if(restored_, [&](TimePoint at) { return now - at >= kRestoreWindow; });
  const std::string what =
      fmt::format("{} was removed from {}", missing.front().to_string(), link_.name);
  if (restored_.size() == kRestores)
    return give_up(fmt::format("{}, again after it was put back {} times", what, kRestores), now);
  restored_.push_back(now);
  ports_.log.log(Severity::Warning, "VRRP_Instance({}) {}: putting it back", config_.name, what);
  if (!add(missing)) return give_up("an address cannot be added", now);
  announcements_.on_takeover(now);
  send_announcements(now, true);
}

bool VirtualRouter::add(const std::vector<Cidr>& addresses) {
  bool all = true;
  for (const Cidr& address : addresses) {
    const auto added = ports_.netlink.add_address(link_.index, address);
    if (added) continue;
    all = false;
    ports_.log.log(Severity::Error, "VRRP_Instance({}) {} on {}", config_.name,
                   added.error().message, link_.name);
  }
  return all;
}

void VirtualRouter::give_up(std::string_view why, TimePoint now) {
  addresses_fit_ = false;
  retry_at_ = now + kBeforeRetry;
  ports_.log.log(Severity::Error, "VRRP_Instance({}) cannot serve: {}; the next try is in {} s",
                 config_.name, why, whole_seconds(kBeforeRetry).count());
  run(fsm_.on_usable(false, now), now);
}

bool VirtualRouter::has_source() {
  const auto present = ports_.netlink.addresses(link_.index);
  const bool there = present && carries(*present, source_);
  if (there) {
    source_missing_ = false;
  } else if (!std::exchange(source_missing_, true)) {
    const std::string why = present ? fmt::format("{} does not carry our own address {}{}",
                                                  link_.name, source_.to_string(), source_key_)
                                    : present.error().message;
    ports_.log.log(Severity::Error, "VRRP_Instance({}) cannot serve: {}", config_.name, why);
  }
  return there;
}

bool VirtualRouter::refresh_mac() {
  const auto link = ports_.netlink.link(link_.name);
  // Another interface of the same name is not ours.
  if (!link || link->index != link_.index || link->mac == link_.mac) return false;
  link_.mac = link->mac;
  return true;
}

void VirtualRouter::shutdown(TimePoint now) {
  retry_at_ = kNever;
  run(fsm_.on_shutdown(), now);
}

TimePoint VirtualRouter::deadline() const {
  return std::min({fsm_.deadline(), announcements_.deadline(), retry_at_});
}

void VirtualRouter::run(const Effects& effects, TimePoint now) {
  for (const Effect& effect : effects) {
    if (const auto line = log_line(effect, config_.name)) ports_.log.write(Severity::Info, *line);
    std::visit([&](const auto& e) { run(e, now); }, effect);
  }
  // Only now: a change is carried out whole before the next one begins.
  if (!addresses_fit_ && fsm_.state() == State::Master) give_up("an address cannot be added", now);
}

void VirtualRouter::run(const SendAdvert& effect, TimePoint) {
  Advert advert{.version = terms_.version,
                .virtual_router_id = terms_.virtual_router_id,
                .priority = effect.priority,
                .interval = terms_.interval,
                .checksum = checksum_,
                .auth_type = terms_.auth_type,
                .auth = terms_.auth,
                .addresses = {}};
  for (const Cidr& address : config_.virtual_addresses) advert.addresses.push_back(address.address);
  if (++packet_id_ == 0) packet_id_ = 1;  // 0 would be replaced by the kernel
  const auto sent = ports_.link.send_advert(encode_datagram(advert, source_, packet_id_));
  if (sent) {
    ++counters_.sent;
  } else if (!sending_fails_) {
    ports_.log.log(Severity::Warning, "VRRP_Instance({}) {}", config_.name, sent.error().message);
  }
  sending_fails_ = !sent;
}

void VirtualRouter::run(const AddAddresses&, TimePoint) {
  ports_.log.log(Severity::Info, "VRRP_Instance({}) setting protocol VIPs.", config_.name);
  addresses_fit_ = add(config_.virtual_addresses);
}

void VirtualRouter::run(const RemoveAddresses&, TimePoint) {
  announcements_.on_lost();
  // With the prefix it has there: a predecessor may have been configured with another.
  std::vector<Cidr> ours = config_.virtual_addresses;
  if (auto present = ports_.netlink.addresses(link_.index)) {
    std::erase_if(*present, [&](const Cidr& a) { return !carries(ours, a.address); });
    ours = *std::move(present);
  }
  if (ours.empty()) return;
  ports_.log.log(Severity::Info, "VRRP_Instance({}) removing protocol VIPs.", config_.name);
  for (const Cidr& address : ours) {
    if (const auto removed = ports_.netlink.remove_address(link_.index, address); !removed)
      ports_.log.log(Severity::Error, "VRRP_Instance({}) {} on {}", config_.name,
                     removed.error().message, link_.name);
  }
}

void VirtualRouter::run(const Announce& effect, TimePoint now) {
  if (!addresses_fit_) return;  // about to resign
  const bool takeover = effect.cause == Announce::Cause::Takeover;
  takeover ? announcements_.on_takeover(now) : announcements_.on_rival(now);
  send_announcements(now, takeover);
}

void VirtualRouter::send_announcements(TimePoint now, bool tell) {
  const int count = announcements_.take_due(now);
  if (count == 0) return;
  refresh_mac();  // a bond's changes with its active port
  for (const Cidr& address : config_.virtual_addresses) {
    if (tell)
      ports_.log.log(Severity::Info, "VRRP_Instance({}) Sending gratuitous ARPs on {} for {}",
                     config_.name, link_.name, address.address.to_string());
    const Bytes frame = gratuitous_arp(link_.mac, address.address);
    for (int i = 0; i < count; ++i) {
      // A refused frame (link just gone) is told by the adverts that fail with it.
      if (!ports_.link.send_frame(frame)) break;
    }
  }
}

void VirtualRouter::refused(Refusal why, ByteView packet, TimePoint now) {
  const auto index = static_cast<std::size_t>(why);
  ++counters_.refused[index];
  // Other routers on the link, and our own echo, are no news.
  if (why == Refusal::Vrid || why == Refusal::OwnAddress) return;
  const auto count = refusal_lines_[index].take(now);
  if (!count) return;
  const std::string from =
      packet.size() >= 20 ? IpAddress::v4(load_be32(&packet[12])).to_string() : "?";
  ports_.log.log(Severity::Warning,
                 "VRRP_Instance({}) ignoring received advertisment from {}: {} ({} since the last "
                 "such line)",
                 config_.name, from, to_string(why), *count);
}

std::optional<std::uint64_t> VirtualRouter::LineLimit::take(TimePoint now) {
  ++count;
  if (told != TimePoint::min() && now - told < kBetweenLines) return std::nullopt;
  told = now;
  return std::exchange(count, 0);
}

void VirtualRouter::compare_addresses(const Advert& advert, const IpAddress& from, TimePoint now) {
  // RFC 9568 section 7.1 lets a receiver believe an advert whose list differs; keepalived 2.2
  // refuses, and so has two masters while an address is added to one node after the other.
  std::vector<IpAddress> ours;
  for (const Cidr& address : config_.virtual_addresses) ours.push_back(address.address);
  auto theirs = advert.addresses;
  std::ranges::sort(ours);
  std::ranges::sort(theirs);
  if (ours == theirs) return;
  // However often right and wrong lists alternate.
  if (const auto count = differing_lines_.take(now))
    ports_.log.log(Severity::Warning,
                   "VRRP_Instance({}) {} advertises other virtual addresses than ours ({} since "
                   "the last such line)",
                   config_.name, from.to_string(), *count);
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
