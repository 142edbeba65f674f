#include "vrrp/admin/operator_service.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "common/text.h"
#include "vrrp/admin/metrics.h"
#include "vrrp/admin/status_json.h"
#include "vrrp/admin/status_text.h"

namespace hapair::vrrp {
namespace {

using control::Level;

// In the order of kVerbs.
enum class Command : std::size_t {
  Status,
  Instance,
  History,
  Counters,
  Metrics,
  Health,
  Clear,
  Switchover,
  ShowDrill,
  StartDrill,
  FinishDrill
};

constexpr std::array kVerbs = {
    control::Verb{"show status [json]", "tell how every instance stands, and why", Level::User},
    control::Verb{"show instance <name> [json]", "the same of one instance", Level::User},
    control::Verb{"show history [json]", "tell the last changes of state", Level::User},
    control::Verb{"show counters [json]", "tell everything that is counted", Level::User},
    control::Verb{"show metrics", "tell the figures as Prometheus reads them", Level::User},
    control::Verb{"show health", "tell what is wrong, or ok", Level::User},
    control::Verb{"clear counters", "begin to count anew", Level::Operator},
    control::Verb{"switchover [<name>]", "ask the other node to take over", Level::Operator},
    control::Verb{"show drill [<name>]", "tell how an instance stands for a drill", Level::User},
    control::Verb{"drill start <drill> <name> <ms>", "have the master rehearse a failure", Level::Admin},
    control::Verb{"drill done <id> passed|failed <text>", "keep what came of it", Level::Admin},
};

constexpr std::array kPages = {
    control::Page{"/metrics", "show metrics", kMetricsType},
    control::Page{"/status", "show status json", "application/json"},
};

/// Whether the words behind the first `count` ask for JSON; nothing: they ask for something else.
std::optional<bool> wants_json(std::span<const std::string> words, std::size_t count) {
  if (words.size() <= count) return false;
  if (words.size() == count + 1 && words.back() == "json") return true;
  return std::nullopt;
}

std::string unexpected(std::string_view word) {
  return fmt::format("Unexpected '{}'.", word);
}

/// Who holds the addresses: of others, whoever said so within the time that we believe it.
std::optional<IpAddress> master_of(const VirtualRouter& router, TimePoint now) {
  if (router.state() == State::Master) return router.placement().channels.front().source;
  const auto& heard = router.heard();
  if (!heard) return router.election().memory().master;  // known from another process
  const bool lives =
      heard->priority != kResign && now - heard->at <= router.election().master_down_interval();
  return lives ? std::optional(heard->from) : std::nullopt;
}

}  // namespace

std::span<const control::Verb> OperatorService::verbs() const {
  return kVerbs;
}

std::span<const control::Page> OperatorService::pages() const {
  return kPages;
}

void OperatorService::carry_out(const control::Line& line, Level, Reply reply) {
  const std::span<const std::string> words = line.words;
  const auto command = static_cast<Command>(line.verb);
  if (command == Command::Instance) return reply(show_instance(words));
  if (command == Command::Switchover) return reply(switch_over(words));
  if (command == Command::ShowDrill) return reply(show_drill(words));
  if (command == Command::StartDrill) return reply(start_drill(words));
  if (command == Command::FinishDrill) return reply(finish_drill(words));
  const bool has_json =
      command == Command::Status || command == Command::History || command == Command::Counters;
  const auto json = wants_json(words, 2);
  if (!json || (*json && !has_json)) return reply(unexpected(words.back()));
  switch (command) {
    case Command::Status: return reply(*json ? status_json(report()) : status_text(report()));
    case Command::History: return reply(*json ? history_json(history_) : history_text(history_));
    case Command::Counters: return reply(*json ? counters_json(report()) : counters_text(report()));
    case Command::Metrics: return reply(metrics(report()));
    case Command::Health: return reply(health_text(report()));
    case Command::Clear:
      for (const auto& port : supervisor_.ports()) port->router().clear_counters();
      return reply("");
    case Command::Instance:
    case Command::Switchover:
    case Command::ShowDrill:
    case Command::StartDrill:
    case Command::FinishDrill: break;
  }
}

std::string OperatorService::show_instance(std::span<const std::string> words) {
  if (words.size() < 3) return "Which instance? 'show status' names them.";
  const auto json = wants_json(words, 3);
  if (!json) return unexpected(words.back());
  const VirtualRouter* const router = router_of(words[2]);
  if (!router) return "No such instance.";
  return *json ? instance_json(report(*router)) : instance_text(report(*router));
}

const VirtualRouter* OperatorService::router_of(std::string_view name) const {
  for (const auto& port : supervisor_.ports())
    if (port->router().config().name == name) return &port->router();
  return nullptr;
}

/// What moves together is asked for together, and answers a line for each instance.
std::string OperatorService::switch_over(std::span<const std::string> words) {
  if (words.size() > 2) return unexpected(words.back());
  const auto is_meant = [&](const HandoverUnit& unit) {
    if (words.size() < 2) return unit.state() == State::Master;
    return std::ranges::any_of(
        unit.ports(), [&](const Port* port) { return port->router().config().name == words[1]; });
  };
  Pair* const pair = supervisor_.pair();
  if (!pair) return "The nodes do not speak with each other: [pair] key_file is not set.";
  std::string out;
  for (const auto& unit : pair->units()) {
    if (!is_meant(*unit)) continue;
    const std::string why = pair->hand_over(unit->ports().front()->router());
    for (const Port* port : unit->ports())
      out += why.empty()
                 ? fmt::format("{}: asked {} to take over\n", port->router().config().name,
                               pair->other().name)
                 : fmt::format("{}: nothing changes: {}\n", port->router().config().name, why);
  }
  if (!out.empty()) return out;
  return words.size() < 2 ? "No instance is master here." : "No such instance.";
}

// ---- drills: `hapair drill` is whom these answer

std::string OperatorService::show_drill(std::span<const std::string> words) {
  if (words.size() > 3) return unexpected(words.back());
  const auto& ports = supervisor_.ports();
  if (words.size() < 3 && ports.size() != 1) {
    std::vector<std::string_view> names;
    for (const auto& port : ports) names.push_back(port->router().config().name);
    return fmt::format("Which instance? There are {}.", fmt::join(names, ", "));
  }
  const VirtualRouter* const router = words.size() < 3 ? &ports.front()->router() : router_of(words[2]);
  if (!router) return "No such instance.";
  return write(supervisor_.drills().outlook(*router));
}

std::string OperatorService::start_drill(std::span<const std::string> words) {
  if (words.size() != 5) return "Which drill, of which instance, held for how many milliseconds?";
  const drill::Description* const found = drill::find(words[2]);
  const VirtualRouter* const router = router_of(words[3]);
  const auto milliseconds = parse_number<std::uint32_t>(words[4]);
  if (!found) return fmt::format("No such drill: '{}'.", words[2]);
  if (!router) return "No such instance.";
  const Duration hold = std::chrono::milliseconds(milliseconds.value_or(0));
  if (hold < drill::kShortestHold || hold > drill::kLongestHold)
    return fmt::format("'{}' is no time to hold: {} to {} ms.", words[4], to_milliseconds(drill::kShortestHold),
                       to_milliseconds(drill::kLongestHold));
  const std::string why = supervisor_.drills().ask(found->kind, *router, hold);
  return why.empty() ? "asked" : why;
}

/// From whoever ran the drill, which is why it is an admin's word; once.
std::string OperatorService::finish_drill(std::span<const std::string> words) {
  constexpr std::size_t kLongest = 300;  // bytes: a line of the history
  const bool passed = words.size() == 5 && words[3] == "passed";
  if (words.size() != 5 || (!passed && words[3] != "failed")) return "Which drill, passed or failed, and how?";
  const auto id = parse_number<std::uint64_t>(words[2]);
  const auto instance = id ? supervisor_.drills().close(*id) : std::nullopt;
  if (!instance) return "No such drill, or it has been reported.";
  keeper_.add(Rehearsal{.instance = *instance, .passed = passed, .text = words[4].substr(0, kLongest), .at = wall_now()});
  return "";
}

StatusReport OperatorService::report() {
  const Config& config = supervisor_.config();
  StatusReport out{.version = HAPAIR_VERSION,
                   .node = config.node,
                   .pid = ::getpid(),
                   .now = wall_now(),
                   .uptime = loop_.now() - started_,
                   .wants_guardian = config.guardian,
                   .proxy = supervisor_.proxy_standing()};
  if (const Guardian* guardian = supervisor_.guardian()) out.guardian_pid = guardian->pid();
  if (const Pair* pair = supervisor_.pair()) out.peer = report(*pair);
  for (const auto& port : supervisor_.ports()) out.instances.push_back(report(port->router()));
  return out;
}

PeerReport OperatorService::report(const Pair& pair) const {
  PeerReport out{
      .node = pair.other().name, .address = pair.other().address, .refused = pair.refused()};
  if (const auto at = pair.heard_at()) out.age = loop_.now() - *at;
  const PairMessage* said = pair.heard();
  if (!said) return out;
  out.heard = true;
  out.version = said->version;
  out.uptime = said->uptime;
  out.proxy = said->proxy;
  out.same_configuration = said->config_digest == pair.digest();
  out.differing_keys = pair.differing_keys();
  for (const PairMessage::Instance& instance : said->instances)
    out.instances.push_back({.name = instance.name,
                             .state = instance.state,
                             .priority = instance.priority,
                             .fit = instance.fit,
                             .since = instance.since,
                             .why = instance.cause});
  return out;
}

InstanceReport OperatorService::report(const VirtualRouter& router) {
  const Instance& config = router.config();
  const Placement& placement = router.placement();
  InstanceReport out{.name = config.name,
                     .interface = placement.link.name,
                     .virtual_router_id = config.virtual_router_id,
                     .version = config.version,
                     .state = router.state(),
                     .why = router.started() ? "" : "the election has not begun",
                     .trouble = router.trouble(),
                     .base_priority = config.priority,
                     .priority = router.priority(),
                     .parts = parts_of(config),
                     .interval = config.advert_interval,
                     .lease = router.keeper().lease(),
                     .announce_delay = config.announcements.delay,
                     .counters = router.counters()};
  const Transition* last = history_.last_of(config.name);
  if (last && last->to == out.state) {
    out.since = last->at;
    out.why = last->why;
  }
  for (std::size_t i = 0; i < placement.addresses.size(); ++i) {
    const AddressOrder& order = placement.addresses[i];
    out.addresses.push_back({.address = order.address,
                             .interface = placement.link_at(order.index).name,
                             .advertised = config.virtual_addresses[i].advertised});
  }
  if (const Rehearsal* drill = history_.last_rehearsal_of(config.name)) out.drill = *drill;
  const TimePoint now = loop_.now();
  if (const auto master = master_of(router, now)) out.master = named(*master);
  if (out.master && router.state() == State::Master) out.master->node = supervisor_.config().node;
  if (const auto& heard = router.heard())
    out.heard = InstanceReport::Heard{.from = named(heard->from),
                                      .priority = heard->priority,
                                      .interval = heard->interval,
                                      .age = now - heard->at};
  if (const Pair* pair = supervisor_.pair())
    for (const auto& unit : pair->units())
      if (unit->has(router) && unit->outcome())
        out.handover = InstanceReport::Handover{.at = unit->outcome()->at,
                                                .kept = unit->outcome()->kept,
                                                .text = unit->outcome()->text,
                                                .gap = unit->outcome()->gap};
  return out;
}

std::vector<InstanceReport::Part> OperatorService::parts_of(const Instance& instance) const {
  std::vector<InstanceReport::Part> out;
  const std::vector<Tracked> tracked = supervisor_.trackers().standing_of(instance).tracked;
  for (std::size_t i = 0; i < tracked.size(); ++i) {
    const Tracking& tracking = instance.tracked[i];
    out.push_back({.kind = tracking.kind,
                   .name = tracking.kind == TrackerKind::Backends
                               ? fmt::to_string(fmt::join(tracking.backends, ", "))
                               : tracking.name,
                   .weight = tracked[i].weight,
                   .verdict = tracked[i].verdict,
                   .adds = instance.priority == kOwner ? 0 : contribution(tracked[i])});
  }
  return out;
}

InstanceReport::Router OperatorService::named(const IpAddress& address) const {
  const auto& nodes = supervisor_.config().other_nodes;
  const auto node = std::ranges::find(nodes, address, &Node::address);
  return {.address = address, .node = node == nodes.end() ? "" : node->name};
}

}  // namespace hapair::vrrp
