#include "vrrp/admin/operator_service.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "vrrp/admin/metrics.h"
#include "vrrp/admin/status_json.h"
#include "vrrp/admin/status_text.h"

namespace hapair::vrrp {
namespace {

using control::Level;

// In the order of kVerbs.
enum class Command : std::size_t { Status, Instance, History, Counters, Metrics, Health, Clear };

constexpr std::array kVerbs = {
    control::Verb{"show status [json]", "tell how every instance stands, and why", Level::User},
    control::Verb{"show instance <name> [json]", "the same of one instance", Level::User},
    control::Verb{"show history [json]", "tell the last changes of state", Level::User},
    control::Verb{"show counters [json]", "tell everything that is counted", Level::User},
    control::Verb{"show metrics", "tell the figures as Prometheus reads them", Level::User},
    control::Verb{"show health", "tell what is wrong, or ok", Level::User},
    control::Verb{"clear counters", "begin to count anew", Level::Operator},
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
    case Command::Instance: break;
  }
}

std::string OperatorService::show_instance(std::span<const std::string> words) {
  if (words.size() < 3) return "Which instance? 'show status' names them.";
  const auto json = wants_json(words, 3);
  if (!json) return unexpected(words.back());
  for (const auto& port : supervisor_.ports())
    if (port->router().config().name == words[2])
      return *json ? instance_json(report(port->router())) : instance_text(report(port->router()));
  return "No such instance.";
}

StatusReport OperatorService::report() {
  const Config& config = supervisor_.config();
  StatusReport out{.version = HAPAIR_VERSION,
                   .node = config.node,
                   .pid = ::getpid(),
                   .now = wall_now(),
                   .uptime = loop_.now() - started_,
                   .wants_guardian = config.guardian};
  if (const Guardian* guardian = supervisor_.guardian()) out.guardian_pid = guardian->pid();
  for (const auto& port : supervisor_.ports()) out.instances.push_back(report(port->router()));
  return out;
}

InstanceReport OperatorService::report(const VirtualRouter& router) const {
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
  const TimePoint now = loop_.now();
  if (const auto master = master_of(router, now)) out.master = named(*master);
  if (out.master && router.state() == State::Master) out.master->node = supervisor_.config().node;
  if (const auto& heard = router.heard())
    out.heard = InstanceReport::Heard{.from = named(heard->from),
                                      .priority = heard->priority,
                                      .interval = heard->interval,
                                      .age = now - heard->at};
  return out;
}

std::vector<InstanceReport::Part> OperatorService::parts_of(const Instance& instance) const {
  std::vector<InstanceReport::Part> out;
  for (const std::string& name : instance.track_scripts) {
    // They run from the start of the elections on.
    Tracked tracked{.weight = supervisor_.config().script(name).weight};
    for (const auto& script : supervisor_.scripts())
      if (script->name() == name) tracked = script->tracked();
    out.push_back({.kind = "script",
                   .name = name,
                   .weight = tracked.weight,
                   .verdict = tracked.verdict,
                   .adds = instance.priority == kOwner ? 0 : contribution(tracked)});
  }
  return out;
}

InstanceReport::Router OperatorService::named(const IpAddress& address) const {
  const auto& nodes = supervisor_.config().other_nodes;
  const auto node = std::ranges::find(nodes, address, &Node::address);
  return {.address = address, .node = node == nodes.end() ? "" : node->name};
}

}  // namespace hapair::vrrp
