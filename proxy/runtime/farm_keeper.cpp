#include "proxy/runtime/farm_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "proxy/health/status_word.h"
#include "proxy/runtime/dispatch.h"

namespace hapair::proxy {
namespace {

using health::Condition;

// Probes of different servers start apart, all within this time, so that the first verdicts are
// there soon after the start.
constexpr Duration kFirstProbeSpread = std::chrono::milliseconds(20);
// Steps of many slow starts are taken together, and no more often than this.
constexpr Duration kWarmingPause = std::chrono::milliseconds(20);

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

health::Penalty penalty_of(const Observe& observe) {
  switch (observe.on_error) {
    case Observe::OnError::ProbeSooner: return health::Penalty::ProbeSooner;
    case Observe::OnError::FailCheck: return health::Penalty::FailCheck;
    case Observe::OnError::SuddenDeath: return health::Penalty::SuddenDeath;
    case Observe::OnError::MarkDown: return health::Penalty::MarkDown;
  }
  std::abort();  // every one is named above
}

}  // namespace

FarmKeeper::FarmKeeper(Loop& loop, Logger& log, PostGrant post_grant, EndSessions end_sessions)
    : loop_(loop),
      log_(log),
      post_grant_(std::move(post_grant)),
      end_sessions_(std::move(end_sessions)),
      warming_(loop, [this] { keep_warming(); }) {}

void FarmKeeper::clear() {
  checkers_.clear();
  agents_.clear();
  followers_.clear();
  places_.clear();
  snapshot_ = nullptr;
  warming_.disarm();
}

void FarmKeeper::reconcile(Snapshot& snapshot) {
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
  const auto config_of = [this](const balance::Server* live) -> const Server* {
    const auto place = places_.find(live);
    if (place == places_.end()) return nullptr;
    return &place->second.backend->servers[place->second.server]->config;
  };
  std::erase_if(checkers_, [&](const auto& entry) {
    const Server* config = config_of(entry.first);
    return !config || !config->check;
  });
  std::erase_if(agents_, [&](const auto& entry) {
    const Server* config = config_of(entry.first);
    return !config || !config->agent;
  });
  TimePoint first = loop_.refresh();
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
  const SocketAddress where{check.address.value_or(usual.ip), check.port != 0 ? check.port : usual.port};
  Duration timeout = check.timeout;
  if (timeout == Duration::zero()) timeout = backend.config.timeout.check;
  if (timeout == Duration::zero()) timeout = check.interval;
  HealthChecker::Target target{.address = where,
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
      loop_, std::move(target), first,
      [this, &live](const auto& result) { on_verdict(live, result); },
      [this, &live] { return describe(live); });
  if (live.health() == health::Health::Unknown && check.initially_up) {
    live.set_health(health::Health::Up);
    checker->assume_barely_up();
  } else {
    checker->assume(live.condition().has(Condition::kCheckDown) ? health::Health::Down : live.health(), failures);
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
  std::unique_ptr<AgentWatch>& watch = agents_[&live];
  if (watch && watch->target() == target) return;
  watch = std::make_unique<AgentWatch>(loop_, std::move(target), first,
                                       [this, &live](const auto& result, const auto* reply) {
                                         on_agent(live, result, reply);
                                       });
}

/// Who tracks nobody any more has nothing of that any more.
void FarmKeeper::forget_tracked(Snapshot& snapshot) {
  followers_.clear();
  constexpr auto foreign =
      Condition::kInheritedMaint | Condition::kInheritedDrain | Condition::kTrackedDown;
  for (const auto& backend : snapshot.backends) {
    for (std::size_t i = 0; i < backend->servers.size(); ++i) {
      const ServerState& server = *backend->servers[i];
      const Condition now = server.live->condition();
      if (server.config.track || !now.has(foreign)) continue;
      // A check of its own has yet to find out what is true of it.
      const bool unproven = server.config.check && now.has(Condition::kTrackedDown);
      change(*backend, i,
             now.without(foreign).with(Condition::kUnproven,
                                       unproven || now.has(Condition::kUnproven)),
             {});
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

/// What the file says of maintenance and did not say before. New servers know it already.
void FarmKeeper::obey_file(Snapshot& snapshot) {
  for (const auto& backend : snapshot.backends) {
    for (std::size_t i = 0; i < backend->servers.size(); ++i) {
      const ServerState& server = *backend->servers[i];
      const bool disabled = server.config.disabled;
      const auto before = std::exchange(server.record->configured_disabled, disabled);
      if (before && *before != disabled)
        set_admin(*backend, i, disabled ? Wish::Disabled : Wish::Ready, {});
    }
  }
}

// What HAProxy's servers are used to read: state, place, and how much is going on.
std::string FarmKeeper::describe(const balance::Server& live) const {
  const auto [backend, index] = places_.at(&live);
  const ServerState& server = *backend->servers[index];
  const CheckReport report = server.report();
  unsigned weights = 0, sessions = 0;
  for (const auto& each : backend->farm) {
    if (each->usable()) weights += each->weight();
    sessions += each->sessions();
  }
  return fmt::format("{}; address={}; port={}; name={}/{}; node={}; weight={}/{}; scur={}/{}; qcur={}",
                     health::status_word({.condition = live.condition(),
                                          .checked = true,
                                          .has_agent = server.config.agent.has_value(),
                                          .rise = report.rise,
                                          .fall = report.fall,
                                          .lives = report.lives}),
                     live.address().ip.to_string(), live.address().port, backend->config.name,
                     live.name(), node_, live.weight(), weights, live.sessions(), sessions,
                     live.waiting());
}

void FarmKeeper::on_agent(const balance::Server& live, const health::ProbeResult& result,
                          const health::AgentReply* reply) {
  const auto [backend, index] = places_.at(&live);
  ServerState& server = *backend->servers[index];
  {
    const std::lock_guard lock(server.record->report_mutex);
    server.record->checks.agent = result;
  }
  if (!reply) return;
  if (reply->maxconn) set_maxconn(*backend, index, *reply->maxconn);
  if (reply->weight) set_weight(*backend, index, *reply->weight);
  if (reply->percent) {
    constexpr unsigned most = 256;
    set_weight(*backend, index, std::min(live.configured_weight() * *reply->percent / 100, most));
  }
  if (reply->wish) set_admin(*backend, index, static_cast<Wish>(*reply->wish), {});
  if (reply->up)
    change(*backend, index, live.condition().with(Condition::kAgentDown, !*reply->up), {.probe = &result});
}

HealthChecker* FarmKeeper::checker_of(const balance::Server& live) {
  const auto found = checkers_.find(&live);
  return found == checkers_.end() ? nullptr : found->second.get();
}

void FarmKeeper::report(ServerState& server, const health::CheckFsm& fsm) {
  const std::lock_guard lock(server.record->report_mutex);
  CheckReport& report = server.record->checks;
  report.rise = fsm.settings().rise;
  report.fall = fsm.settings().fall;
  report.lives = fsm.lives();
  report.failures = fsm.failures();
}

void FarmKeeper::on_verdict(const balance::Server& live, const health::ProbeResult& result) {
  const auto [backend, index] = places_.at(&live);
  ServerState& server = *backend->servers[index];
  const health::CheckFsm& fsm = checker_of(live)->fsm();
  report(server, fsm);
  {
    const std::lock_guard lock(server.record->report_mutex);
    server.record->checks.last = result;
  }
  const Condition now = live.condition();
  change(*backend, index,
         now.with(Condition::kUnproven, fsm.health() == health::Health::Unknown)
             .with(Condition::kCheckDown, fsm.health() == health::Health::Down)
             .with(Condition::kStopping, fsm.stopping()),
         {.probe = &result});
}

void FarmKeeper::on_traffic_errors(const balance::Server& live, unsigned errors,
                                   health::Evidence last) {
  HealthChecker* checker = checker_of(live);
  // It has left, lost its check or rests: a worker did not know yet.
  if (!checker || live.condition().in_maintenance()) return;
  const auto [backend, index] = places_.at(&live);
  ServerState& server = *backend->servers[index];
  {
    const std::lock_guard lock(server.record->report_mutex);
    ++server.record->checks.traffic_failures;
  }
  checker->on_traffic_errors(penalty_of(server.config.observe),
                             health::describe_errors(errors, last));
}

balance::Admission::Change FarmKeeper::rebalance(BackendState& backend) {
  backend.balancer->rebuild();
  balance::Admission::Change change = backend.admission->grants_after_change();
  for (const balance::Grant& grant : change.grants) post_grant_(grant, backend);
  return change;
}

unsigned FarmKeeper::begin_slowly(Occasion occasion) {
  unsigned count = 0;
  for (const auto& backend : snapshot_->backends) {
    for (const auto& server : backend->servers) {
      const SlowStart& slow_start = server->config.slow_start;
      const bool asked =
          occasion == Occasion::Takeover ? slow_start.at_takeover : slow_start.at_start;
      if (!asked || !server->live->up() || slow_start.length == Duration::zero()) continue;
      server->live->begin_slowly(loop_.now(), slow_start.length);
      ++count;
    }
    rebalance(*backend);
  }
  keep_warming();
  return count;
}

/// Takes slow starts on by a step where it is time.
void FarmKeeper::keep_warming() {
  if (!snapshot_) return;
  const TimePoint now = loop_.now();
  TimePoint next = kNever;
  for (const auto& backend : snapshot_->backends) {
    bool changed = false;
    for (const auto& server : backend->farm) {
      changed |= server->warm(now);
      next = std::min(next, server->next_warmth(now));
    }
    if (changed) rebalance(*backend);
  }
  warming_.arm(next == kNever ? kNever : std::max(next, now + kWarmingPause));
}

bool FarmKeeper::note_service(BackendState& backend) {
  const unsigned left = balance::usable_servers(backend.farm);
  // Servers that have no verdict yet may still come up: no outage before the last one has its.
  const bool all_known = std::none_of(backend.farm.begin(), backend.farm.end(), [](const auto& s) {
    return s->health() == health::Health::Unknown && !s->condition().in_maintenance();
  });
  const std::lock_guard lock(backend.record->downtime_mutex);
  health::Downtime& downtime = backend.record->downtime;
  if (left > 0) downtime.on_up(loop_.now());
  if (left > 0 || !all_known) return false;
  const bool begins = !downtime.is_down();
  downtime.on_down(loop_.now());
  return begins;
}

void FarmKeeper::settle(BackendState& backend) {
  rebalance(backend);
  note_service(backend);
}

void FarmKeeper::set_weight(BackendState& backend, std::size_t index, unsigned weight) {
  balance::Server& server = *backend.servers[index]->live;
  if (server.weight() == weight) return;
  server.set_weight(weight);
  rebalance(backend);
}

void FarmKeeper::set_maxconn(BackendState& backend, std::size_t index, unsigned maxconn) {
  balance::Server& server = *backend.servers[index]->live;
  if (server.maxconn() == maxconn) return;
  server.set_maxconn(maxconn);
  rebalance(backend);
}

void FarmKeeper::change(BackendState& backend, std::size_t index, Condition after,
                        const exchange::Cause& cause) {
  ServerState& state = *backend.servers[index];
  balance::Server& server = *state.live;
  const Condition before = server.condition();
  if (before == after) return;
  server.set_condition(after);
  const SlowStart& slow_start = state.config.slow_start;
  const bool is_first = before.health() == health::Health::Unknown;
  if (after.serves_tied() && !before.serves_tied() &&
      (is_first ? slow_start.at_start : slow_start.at_recovery))
    server.begin_slowly(loop_.now(), slow_start.length);
  const balance::Admission::Change moved = rebalance(backend);
  keep_warming();

  const auto [active_left, backup_left] = balance::strength(backend.farm);
  {
    const std::lock_guard lock(state.record->report_mutex);
    health::Downtime& downtime = state.record->checks.downtime;
    if (after.serves_tied()) downtime.on_up(loop_.now());
    // A server without a verdict is not said to have gone down.
    else if (before.serves_tied() || after.health() == health::Health::Down)
      downtime.on_down(loop_.now());
  }
  const bool outage_begins = note_service(backend);
  const exchange::ServerChange change{.backend = backend.config.name,
                                      .server = server.name(),
                                      .is_backup = server.backup(),
                                      .before = before,
                                      .after = after,
                                      .cause = cause,
                                      .active_left = active_left,
                                      .backup_left = backup_left,
                                      .sessions = server.sessions(),
                                      .requeued = moved.requeued,
                                      .queued = backend.admission->waiting()};
  for (const exchange::StateLine& line : exchange::server_lines(change))
    log_.write(line.severity, line.text);
  if (outage_begins) {
    const exchange::StateLine alarm =
        exchange::no_server_available(backend.config.name, backend.is_listen);
    log_.write(alarm.severity, alarm.text);
  }
  end_sessions(backend, index, before, after);
  const auto followers = followers_.find(&server);
  if (followers == followers_.end()) return;
  const std::string name = backend.config.name + "/" + server.name();
  for (const auto& [other, place] : followers->second) inherit(*other, place, after, name);
}

void FarmKeeper::inherit(BackendState& backend, std::size_t index, Condition tracked,
                         std::string_view name) {
  const Condition own = backend.servers[index]->live->condition().without(Condition::kInheritable);
  change(backend, index, Condition(own.bits() | tracked.inherited().bits()), {.via = name});
}

void FarmKeeper::end_sessions(const BackendState& backend, std::size_t index, Condition before,
                              Condition after) {
  if (before.serves_tied() == after.serves_tied()) return;
  const ServerState& server = *backend.servers[index];
  if (!after.serves_tied()) {
    if (server.config.ends_sessions_when_down) end_sessions_(server.live, EndCause::ServerDown);
    return;
  }
  // Only one that takes new work stands in for the backups.
  if (!server.config.ends_backup_sessions_when_up || server.live->backup() || !server.live->able())
    return;
  for (const auto& other : backend.servers)
    if (other->live->backup()) end_sessions_(other->live, EndCause::ServersBack);
}

void FarmKeeper::set_admin(BackendState& backend, std::size_t index, Wish wish,
                           const exchange::Cause& cause) {
  const balance::Server& live = *backend.servers[index]->live;
  const Condition before = live.condition();
  constexpr auto own = Condition::kForcedMaint | Condition::kConfiguredMaint | Condition::kForcedDrain;
  Condition after =
      before.without(own)
          .with(Condition::kForcedDrain, wish == Wish::Drain)
          .with(Condition::kForcedMaint, wish == Wish::Maintenance || wish == Wish::Disabled)
          .with(Condition::kConfiguredMaint, wish == Wish::Disabled);
  HealthChecker* checker = checker_of(live);
  if (checker && after.in_maintenance()) checker->pause();
  if (checker && before.in_maintenance() && !after.in_maintenance()) {
    checker->resume();
    after = after.without(Condition::kUnproven | Condition::kStopping).with(Condition::kCheckDown);
    report(*backend.servers[index], checker->fsm());
  }
  change(backend, index, after, cause);
}

void FarmKeeper::set_health(BackendState& backend, std::size_t index, Verdict verdict,
                            const exchange::Cause& cause) {
  const balance::Server& live = *backend.servers[index]->live;
  if (HealthChecker* checker = checker_of(live)) {
    checker->assume(verdict == Verdict::Down ? health::Health::Down : health::Health::Up);
    report(*backend.servers[index], checker->fsm());
  }
  change(backend, index,
         live.condition()
             .without(Condition::kUnproven)
             .with(Condition::kCheckDown, verdict == Verdict::Down)
             .with(Condition::kStopping, verdict == Verdict::Stopping),
         cause);
}

}  // namespace hapair::proxy
