#include "vrrp/runtime/pair.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// Messages are as frequent as adverts, so that they are as good, within these bounds.
constexpr Duration kShortestInterval = 20ms, kLongestInterval = 250ms;
// Four of them may be lost; less than a second says nothing of the other node.
constexpr Duration kLeastPatience = 1s;
// Digests of keys that a datagram has room for beside the rest.
constexpr std::size_t kRoomForKeys = 4 * 1024;

Duration interval_of(const Config& config) {
  Duration shortest = kLongestInterval;
  for (const Instance& instance : config.instances)
    shortest = std::min(shortest, instance.advert_interval);
  return std::max(shortest, kShortestInterval);
}

Duration patience_of(Duration interval) { return std::max(kLeastPatience, 4 * interval); }

const PairMessage::Instance* find(const PairMessage& message, std::string_view name) {
  const auto found = std::ranges::find(message.instances, name, &PairMessage::Instance::name);
  return found == message.instances.end() ? nullptr : &*found;
}

std::optional<PeerGuard::Report> report_of(const PairMessage::Instance& instance) {
  const auto state = parse_state(instance.state);
  if (!state || instance.priority > 255) return std::nullopt;
  return PeerGuard::Report{.state = *state,
                           .priority = static_cast<std::uint8_t>(instance.priority),
                           .fit = instance.fit};
}

}  // namespace

Result<std::unique_ptr<Pair>> Pair::open(Host host, const Config& config, const KeyRing& keys,
                                         ConfigDigest digest) {
  std::unique_ptr<Pair> self(new Pair(std::move(host), config, std::move(digest)));
  const Duration interval = interval_of(config);
  auto channel = PairChannel::open(self->host_.loop,
                                   {.own = *config.source,
                                    .other = self->other_.address,
                                    .port = config.pair.port,
                                    .interval = interval,
                                    .patience = patience_of(interval)},
                                   keys, *self);
  if (!channel) return tl::make_unexpected(channel.error());
  self->channel_ = *std::move(channel);
  return self;
}

Pair::Pair(Host host, const Config& config, ConfigDigest digest)
    : host_(std::move(host)),
      own_name_(config.node),
      other_(config.other_nodes.front()),
      drain_limit_(config.pair.drain_limit),
      cannot_(why_no_forwarding()),
      digest_(std::move(digest)),
      started_(host_.loop.now()) {
  if (!cannot_.empty())
    host_.log.log(Severity::Warning, "planned handovers break established connections here: {}",
                  cannot_);
}

Pair::~Pair() = default;

void Pair::change(const Config& config, const KeyRing& keys, ConfigDigest digest) {
  drain_limit_ = config.pair.drain_limit;
  digest_ = std::move(digest);
  const Duration interval = interval_of(config);
  channel_->change(interval, patience_of(interval), keys);
}

void Pair::set_ports(const std::vector<std::unique_ptr<Port>>& ports,
                     const std::vector<SyncGroup>& groups) {
  std::vector<std::unique_ptr<HandoverUnit>> before = std::exchange(units_, {});
  ports_.clear();
  const auto since = std::exchange(since_, {});
  for (const auto& port : ports) {
    ports_.push_back(port.get());
    const auto known = since.find(&port->router());
    since_.emplace(&port->router(), known == since.end() ? host_.loop.now() : known->second);
  }
  const HandoverUnit::Host host{.loop = host_.loop,
                                .netlink = host_.netlink,
                                .log = host_.log,
                                .on_change = [this] {
                                  channel_->say_soon();
                                  host_.on_testament();
                                },
                                .say = [this] { channel_->say(); }};
  const handover::Settings settings{.drain_limit = drain_limit_, .cannot = cannot_};
  const auto add = [&](const std::string& name, const std::vector<Port*>& members) {
    const auto same = std::ranges::find_if(before, [&](const auto& unit) {
      return unit && unit->name() == name && unit->ports() == members;
    });
    units_.push_back(same != before.end()
                         ? std::move(*same)
                         : std::make_unique<HandoverUnit>(host, name, members, settings));
  };
  std::set<std::string> grouped;
  for (const SyncGroup& group : groups) {
    std::vector<Port*> members;
    for (Port* port : ports_)
      if (std::ranges::find(group.instances, port->router().config().name) != group.instances.end()) {
        members.push_back(port);
        grouped.insert(port->router().config().name);
      }
    if (!members.empty()) add(group.name, members);
  }
  for (Port* port : ports_)
    if (const std::string& name = port->router().config().name; !grouped.contains(name))
      add(name, {port});
  for (const auto& unit : before)
    if (unit) unit->shutdown();
}

HandoverUnit* Pair::unit_of(const VirtualRouter& router) const {
  for (const auto& unit : units_)
    if (unit->has(router)) return unit.get();
  return nullptr;
}

void Pair::on_became(const VirtualRouter& router) {
  since_[&router] = host_.loop.now();
  if (HandoverUnit* unit = unit_of(router)) unit->on_state();
  channel_->say_soon();
}

// ---- what is said

PairMessage Pair::compose() {
  const TimePoint now = host_.loop.now();
  PairMessage out{.node = own_name_,
                  .version = HAPAIR_VERSION,
                  .uptime = now - started_,
                  .proxy = host_.proxy(),
                  .config_digest = digest_.whole(),
                  .instances = {},
                  .handovers = {},
                  .drills = host_.drills(),
                  .keys = {}};
  for (const Port* port : ports_) {
    const VirtualRouter& router = port->router();
    const HandoverUnit* unit = unit_of(router);
    // Whoever says "go" is master no more, although the election hears of it next.
    const bool gives = router.state() == State::Master && unit &&
                       unit->giving() == HandoverGiver::Step::Draining;
    out.instances.push_back({.name = router.config().name,
                             .state = std::string(to_string(gives ? State::Backup : router.state())),
                             .priority = router.priority(),
                             .fit = router.state() != State::Initialize && router.is_fit() && !leaving_,
                             .since = now - since_.at(&router),
                             .cause = router.trouble().empty() ? to_string(router.election().cause())
                                                               : router.trouble()});
  }
  for (const auto& unit : units_)
    for (PairMessage::Handover& word : unit->words()) out.handovers.push_back(std::move(word));
  if (heard_ && heard_->config_digest != digest_.whole()) {
    std::size_t room = kRoomForKeys;
    for (const auto& key : digest_.keys()) {
      const std::size_t size = key.first.size() + key.second.size() + 8;
      if (size > room) break;
      room -= size;
      out.keys.push_back(key);
    }
  }
  return out;
}

// ---- what is heard

void Pair::on_message(const PairMessage& message) {
  const bool first = !heard_;
  // Its part in any handover went with its life before, however short the pause was.
  if (heard_ && message.uptime < heard_->uptime)
    for (const auto& unit : units_) unit->on_silence();
  heard_ = message;
  heard_at_ = host_.loop.now();
  if (first) greet();
  compare_configurations(message);
  // Words first: a handover is known before the change of state that it brings.
  for (const PairMessage::Handover& word : message.handovers)
    for (const auto& unit : units_)
      if (unit->name() == word.instance) unit->on_word(word);
  for (Port* port : ports_) {
    const PairMessage::Instance* theirs = find(message, port->router().config().name);
    const auto report = theirs ? report_of(*theirs) : std::nullopt;
    port->router().set_courteous(report && report->state == State::Master);
    port->router().on_peer(report, host_.loop.now());
    port->rearm();
    if (HandoverUnit* unit = unit_of(port->router()); unit && report) unit->on_report(*report);
  }
  if (leaving_) leave();
  host_.on_drills(message.drills);
}

void Pair::greet() {
  host_.log.log(Severity::Notice, "pair channel: {} is heard", other_.name);
  if (heard_->node != other_.name)
    host_.log.log(Severity::Warning, "pair channel: {} calls itself {}: look at [node] and --node there",
                  other_.name, heard_->node);
  if (heard_->version != HAPAIR_VERSION && std::exchange(told_version_, heard_->version) != heard_->version)
    host_.log.log(Severity::Warning, "{} runs version {}, this node {}", other_.name, heard_->version,
                  HAPAIR_VERSION);
}

void Pair::on_silence() {
  heard_.reset();
  const TimePoint now = host_.loop.now();
  const bool adverts_come = std::ranges::any_of(ports_, [now](const Port* port) {
    const auto& heard = port->router().heard();
    return heard && now - heard->at <= port->router().election().master_down_interval();
  });
  if (adverts_come)
    host_.log.log(Severity::Alert,
                  "pair channel: {} is not heard any more although its adverts come in: look for what drops "
                  "UDP from {} ([pair] port)",
                  other_.name, other_.address.to_string());
  else
    host_.log.log(Severity::Warning, "pair channel: {} is not heard any more", other_.name);
  for (Port* port : ports_) {
    port->router().set_courteous(false);
    port->router().on_peer(std::nullopt, now);
    port->rearm();
  }
  for (const auto& unit : units_) unit->on_silence();
}

void Pair::compare_configurations(const PairMessage& message) {
  if (message.config_digest == digest_.whole()) {
    if (!told_digest_.empty())
      host_.log.log(Severity::Notice, "{} has the same configuration now", other_.name);
    told_digest_.clear();
    differing_.clear();
    return;
  }
  if (message.keys.empty()) return;  // it does not know yet that they differ
  std::set<std::string> differing;
  const std::map<std::string, std::string> ours(digest_.keys().begin(), digest_.keys().end());
  const std::map<std::string, std::string> theirs(message.keys.begin(), message.keys.end());
  // Both are sorted: beyond the last that fitted nothing is known.
  const std::string& last = message.keys.back().first;
  for (const auto& [path, value] : ours)
    if (path <= last && (!theirs.contains(path) || theirs.at(path) != value)) differing.insert(path);
  for (const auto& [path, value] : theirs)
    if (!ours.contains(path)) differing.insert(path);
  differing_.assign(differing.begin(), differing.end());
  if (std::exchange(told_digest_, message.config_digest) != message.config_digest)
    host_.log.log(Severity::Warning, "{} has another configuration: {} differ{}", other_.name,
                  differing_.empty() ? "later keys" : fmt::format("{}", fmt::join(differing_, ", ")),
                  differing_.size() == 1 ? "s" : "");
}

// ---- handovers

std::string Pair::why_not(const HandoverUnit& unit) const {
  if (unit.state() != State::Master) return fmt::format("{} is not master here", unit.name());
  if (!is_alive()) return fmt::format("{} is not heard over the pair channel", other_.name);
  for (const Port* port : unit.ports()) {
    const VirtualRouter& router = port->router();
    const auto& report = router.peer().report();
    if (report && report->fit) continue;
    const PairMessage::Instance* theirs = heard_ ? find(*heard_, router.config().name) : nullptr;
    return theirs ? fmt::format("{} cannot serve {}: {}", other_.name, router.config().name, theirs->cause)
                  : fmt::format("{} has no instance {}", other_.name, router.config().name);
  }
  return {};
}

std::string Pair::hand_over(HandoverUnit& unit) {
  std::string why = why_not(unit);
  if (why.empty()) unit.give(true);
  return why;
}

std::string Pair::hand_over(const VirtualRouter& router) {
  HandoverUnit* unit = unit_of(router);
  return unit ? hand_over(*unit) : fmt::format("{} is not known", router.config().name);
}

std::string Pair::why_not_hand_over(const VirtualRouter& router) const {
  const HandoverUnit* unit = unit_of(router);
  return unit ? why_not(*unit) : "it is not known";
}

void Pair::on_handover_wanted(const VirtualRouter& router) {
  if (HandoverUnit* unit = unit_of(router)) unit->want();
}

void Pair::set_leaving(bool leaving) {
  if (leaving == leaving_) return;
  leaving_ = leaving;
  told_why_not_.clear();
  channel_->say_soon();
  if (leaving_) leave();
}

/// Tried again with every message of the other: it may be able later.
void Pair::leave() {
  for (const auto& unit : units_) {
    if (unit->state() != State::Master || unit->giving() == HandoverGiver::Step::Offered) continue;
    const std::string why = hand_over(*unit);
    if (!why.empty() && std::exchange(told_why_not_, why) != why)
      host_.log.log(Severity::Warning, "the proxy is leaving, and the address stays: {}", why);
  }
}

bool Pair::is_quiet() const {
  return std::ranges::all_of(units_, [](const auto& unit) { return unit->is_quiet(); });
}

void Pair::shutdown() {
  for (const auto& unit : units_) unit->shutdown();
  channel_->say();
}

Testament Pair::testament() const {
  Testament out;
  for (const auto& unit : units_) append(out, unit->testament());
  return out;
}

}  // namespace hapair::vrrp
