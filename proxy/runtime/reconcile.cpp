// The farm keeper's part when the configuration changes: checks that come and go, who tracks whom,
// and what the file says of maintenance.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "proxy/runtime/dispatch.h"
#include "proxy/runtime/farm_keeper.h"

namespace hapair::proxy {
namespace {

using health::Condition;

// Probes of different servers start apart, all within this time, so that the first verdicts are
// there soon after the start.
constexpr Duration kFirstProbeSpread = std::chrono::milliseconds(20);

/// What a command may want to know; the names are HAProxy's, whose scripts go on working.
std::vector<std::string> check_environment(const Backend& backend, const Server& server,
                                           const SocketAddress& address) {
  std::vector<std::string> out = {
      "HAPROXY_PROXY_NAME=" + backend.name,
      "HAPROXY_SERVER_NAME=" + server.name,
      "HAPROXY_SERVER_ADDR=" + address.ip.to_string(),
      fmt::format("HAPROXY_SERVER_PORT={}", address.port),
      fmt::format("HAPROXY_SERVER_MAXCONN={}", server.maxconn),
      fmt::format("HAPROXY_SERVER_PROTO={}", backend.mode == Mode::Http ? "http" : "tcp")};
  const char* path = std::getenv("PATH");
  out.push_back(std::string("PATH=") + (path ? path : "/usr/sbin:/usr/bin:/sbin:/bin"));
  return out;
}

}  // namespace

void FarmKeeper::reconcile(Snapshot& snapshot) {
  if (snapshot_) keep_wishes(*snapshot_, snapshot);
  snapshot_ = &snapshot;
  node_ = snapshot.config.node;
  places_.clear();
  int watched = 0;
  for (const auto& backend : snapshot.backends) {
    for (std::size_t i = 0; i < backend->servers.size(); ++i) {
      const Server& config = backend->servers[i]->config;
      places_[backend->farm[i].get()] = {backend.get(), i};
      watched += (config.check ? 1 : 0) + (config.agent ? 1 : 0);
    }
  }
  TimePoint first = loop_.refresh();
  followers_.clear();
  std::erase_if(checkers_, [this](const auto& entry) {
    const auto place = places_.find(entry.first);
    if (place == places_.end()) return true;
    ServerState& server = *place->second.backend->servers[place->second.server];
    if (server.config.check) return false;
    forget_check(server);
    return true;
  });
  std::erase_if(agents_, [this](const auto& entry) {
    const auto place = places_.find(entry.first);
    if (place == places_.end()) return true;
    if (place->second.backend->servers[place->second.server]->config.agent) return false;
    forget_agent(place->second, entry.second);
    return true;
  });
  forget_tracked(snapshot);
  const Duration apart = watched > 0 ? kFirstProbeSpread / watched : Duration::zero();
  for (const auto& backend : snapshot.backends) {
    for (const auto& server : backend->servers) {
      if (server->config.check) begin_check(*backend, *server, first += apart);
      if (server->config.agent) begin_agent(*server, first += apart);
    }
  }
  follow(snapshot);
  obey_file(snapshot);
}

void FarmKeeper::begin_check(BackendState& backend, ServerState& server, TimePoint first) {
  const Check& check = *server.config.check;
  balance::Server& live = *server.live;
  const SocketAddress usual = live.address();
  const SocketAddress where{check.address.value_or(usual.ip),
                            check.port != 0 ? check.port : usual.port};
  Duration timeout = check.timeout;
  if (timeout == Duration::zero()) timeout = backend.config.timeout.check;
  if (timeout == Duration::zero()) timeout = check.interval;
  HealthChecker::Target target{
      .address = where,
      .approach = server.config.approach,
      // Another place is another program.
      .preamble = where == usual ? local_header(server.config.send_proxy) : "",
      .check = check,
      .timeout = timeout};
  if (where != usual) target.approach.unix_socket.reset();
  if (check.type == Check::Type::Command) {
    target.server = usual;
    target.environment = check_environment(backend.config, server.config, usual);
  }
  std::unique_ptr<HealthChecker>& checker = checkers_[&live];
  if (checker && checker->target() == target) return;
  const std::uint64_t failures = checker ? checker->fsm().failures() : 0;
  checker = std::make_unique<HealthChecker>(
      loop_, std::move(target), first, server.record->probing,
      [this, &live](const auto& result) { on_verdict(live, result); },
      [this, &live] { return describe(live); });
  if (live.health() == health::Health::Unknown && check.initially_up) {
    live.set_health(health::Health::Up);
    checker->assume_barely_up();
  } else {
    checker->assume(
        live.condition().has(Condition::kCheckDown) ? health::Health::Down : live.health(),
        failures);
  }
  report(server, checker->fsm());
  if (live.condition().in_maintenance()) checker->pause();
}

void FarmKeeper::begin_agent(ServerState& server, TimePoint first) {
  const AgentCheck& agent = *server.config.agent;
  balance::Server& live = *server.live;
  AgentWatch::Target target{.address = {agent.address.value_or(live.address().ip), agent.port},
                            .approach = server.config.approach,
                            .agent = agent};
  target.approach.unix_socket.reset();
  std::unique_ptr<AgentWatch>& watch = agents_[&live].watch;
  if (watch && watch->target() == target) return;
  watch = std::make_unique<AgentWatch>(
      loop_, std::move(target), first, server.record->asking_agent,
      [this, &live](const auto& result, const auto* reply) { on_agent(live, result, reply); });
}

/// It is up, or what the server is that it tracks now (Server::reconfigure, inherit).
void FarmKeeper::forget_check(ServerState& server) {
  const std::lock_guard lock(server.record->report_mutex);
  CheckReport& report = server.record->checks;
  report.last = {};
  report.rise = report.fall = report.lives = 0;
  if (server.live->up()) report.downtime.on_up(loop_.now());
}

/// What the agent said goes with it. What the file or an operator said after it stays.
void FarmKeeper::forget_agent(const Place& place, const Agent& agent) {
  BackendState& backend = *place.backend;
  ServerState& server = *backend.servers[place.server];
  const balance::Server& live = *server.live;
  {
    const std::lock_guard lock(server.record->report_mutex);
    server.record->checks.agent = {};
  }
  if (agent.maxconn == live.maxconn()) set_maxconn(backend, place.server, live.configured_maxconn());
  if (agent.weight == live.weight()) set_weight(backend, place.server, live.configured_weight());
  const exchange::Cause cause{.words = "it has no agent any more"};
  if (agent.holds) set_admin(backend, place.server, Wish::Ready, cause);
  change(backend, place.server, live.condition().without(Condition::kAgentDown), cause);
}

/// Who tracks nobody any more has nothing of that any more.
void FarmKeeper::forget_tracked(Snapshot& snapshot) {
  constexpr auto foreign =
      Condition::kInheritedMaint | Condition::kInheritedDrain | Condition::kTrackedDown;
  for (const auto& backend : snapshot.backends) {
    for (std::size_t i = 0; i < backend->servers.size(); ++i) {
      const ServerState& server = *backend->servers[i];
      const Condition now = server.live->condition();
      if (server.config.track || !now.has(foreign)) continue;
      // A check of its own has yet to find out what is true of it.
      const bool unproven = server.config.check && now.has(Condition::kTrackedDown);
      const Condition own = now.without(foreign);
      change(*backend, i, unproven ? own.with(Condition::kUnproven) : own, {});
    }
  }
}

/// Finds who tracks whom, and lets those that do take over what is known.
void FarmKeeper::follow(Snapshot& snapshot) {
  for (const auto& backend : snapshot.backends) {
    for (std::size_t i = 0; i < backend->servers.size(); ++i) {
      const auto& track = backend->servers[i]->config.track;
      if (!track) continue;
      for (const auto& other : snapshot.backends) {
        if (other->config.name != track->backend) continue;
        for (std::size_t j = 0; j < other->servers.size(); ++j) {
          if (other->servers[j]->config.name != track->server) continue;
          const balance::Server& tracked = *other->servers[j]->live;
          followers_[&tracked].push_back({backend.get(), i});
          inherit(*backend, i, tracked.condition(), track->to_string());
        }
      }
    }
  }
}

/// A server at another address is another one, but an operator's will is of its name: what he has
/// taken out of use stays so, unless the file says something new of it.
void FarmKeeper::keep_wishes(const Snapshot& before, Snapshot& snapshot) {
  for (const auto& backend : snapshot.backends) {
    const BackendState* earlier = before.find(backend->config);
    if (!earlier) continue;
    for (std::size_t i = 0; i < backend->servers.size(); ++i) {
      const ServerState& server = *backend->servers[i];
      if (server.record->configured_disabled != server.config.disabled) continue;
      const auto known =
          std::find_if(earlier->servers.begin(), earlier->servers.end(),
                       [&](const auto& other) { return other->config.name == server.config.name; });
      if (known == earlier->servers.end() || (*known)->live == server.live) continue;
      // An agent's will it is to hear from its agent.
      const auto agent = agents_.find((*known)->live.get());
      if (agent != agents_.end() && agent->second.holds) continue;
      const Condition was = (*known)->live->condition();
      set_admin(*backend, i,
                was.has(Condition::kConfiguredMaint) ? Wish::Disabled
                : was.has(Condition::kForcedMaint)   ? Wish::Maintenance
                : was.has(Condition::kForcedDrain)   ? Wish::Drain
                                                     : Wish::Ready,
                {});
    }
  }
}

/// What the file says of maintenance and did not say before. New servers know it already: they, and
/// backends that can serve nobody, are down from the start.
void FarmKeeper::obey_file(Snapshot& snapshot) {
  for (const auto& backend : snapshot.backends) {
    for (std::size_t i = 0; i < backend->servers.size(); ++i) {
      const ServerState& server = *backend->servers[i];
      const bool disabled = server.config.disabled;
      const auto before = std::exchange(server.record->configured_disabled, disabled);
      if (!before && disabled) {
        const std::lock_guard lock(server.record->report_mutex);
        server.record->checks.downtime.begin_down();
      } else if (before && *before != disabled) {
        set_admin(*backend, i, disabled ? Wish::Disabled : Wish::Ready, {});
      }
    }
    if (std::exchange(backend->record->met, true) || may_serve(*backend)) continue;
    const std::lock_guard lock(backend->record->downtime_mutex);
    backend->record->downtime.begin_down();
  }
}

}  // namespace hapair::proxy
