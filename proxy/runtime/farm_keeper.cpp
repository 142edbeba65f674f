#include "proxy/runtime/farm_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "proxy/health/status_word.h"

namespace hapair::proxy {
namespace {

using health::Condition;

// Steps of many slow starts are taken together, and no more often than this.
constexpr Duration kWarmingPause = std::chrono::milliseconds(20);

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
  Agent& agent = agents_.at(&live);
  if (reply->maxconn) {
    set_maxconn(*backend, index, *reply->maxconn);
    agent.maxconn = reply->maxconn;
  }
  take_agent_weight({backend, index}, *reply);
  if (reply->wish) {
    set_admin(*backend, index, static_cast<Wish>(*reply->wish), {});
    agent.holds = *reply->wish != health::AgentReply::Wish::Ready;
  }
  if (reply->up)
    change(*backend, index, live.condition().with(Condition::kAgentDown, !*reply->up), {.probe = &result});
}

void FarmKeeper::take_agent_weight(const Place& place, const health::AgentReply& reply) {
  if (!reply.weight && !reply.percent) return;
  const balance::Server& live = *place.backend->servers[place.server]->live;
  const unsigned weight =
      reply.percent ? std::min(live.share_of_weight(*reply.percent), balance::Server::kHeaviest)
                    : *reply.weight;
  Agent& agent = agents_.at(&live);
  if (set_weight(*place.backend, place.server, weight)) {
    agent.weight = weight;
    agent.refused_weight.reset();
  } else if (std::exchange(agent.refused_weight, weight) != weight) {
    log_.log(Severity::Warning, "Server {}/{}: its agent's weight {} is not taken, it stays {}. {}",
             place.backend->config.name, live.name(), weight, live.weight(), kStaticWeights);
  }
}

void FarmKeeper::clear_counters() {
  for (const auto& [live, checker] : checkers_) checker->clear_failures();
  for (const auto& backend : snapshot_->backends) {
    for (const auto& server : backend->servers) {
      const std::lock_guard lock(server->record->report_mutex);
      CheckReport& report = server->record->checks;
      report.failures = report.traffic_failures = 0;
      report.downtime.clear_downs();
    }
    const std::lock_guard lock(backend->record->downtime_mutex);
    backend->record->downtime.clear_downs();
  }
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
  if (occasion == Occasion::Takeover && count > 0)
    log_.log(Severity::Notice, "Warm-up: {} server{} begin{} slowly", count, count == 1 ? "" : "s",
             count == 1 ? "s" : "");
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

// Servers that have no verdict yet may still come up: no outage before the last one has its.
bool FarmKeeper::may_serve(const BackendState& backend) {
  return std::any_of(backend.farm.begin(), backend.farm.end(), [](const auto& server) {
    return server->able() ||
           (server->health() == health::Health::Unknown && !server->condition().in_maintenance());
  });
}

void FarmKeeper::note_service(BackendState& backend) {
  {
    const std::lock_guard lock(backend.record->downtime_mutex);
    health::Downtime& downtime = backend.record->downtime;
    if (balance::able_servers(backend.farm) > 0) downtime.on_up(loop_.now());
    if (may_serve(backend) || downtime.is_down()) return;
    downtime.on_down(loop_.now());
  }
  const exchange::StateLine alarm =
      exchange::no_server_available(backend.config.name, backend.is_listen);
  log_.write(alarm.severity, alarm.text);
}

void FarmKeeper::settle(BackendState& backend) {
  rebalance(backend);
  note_service(backend);
}

bool FarmKeeper::set_weight(BackendState& backend, std::size_t index, unsigned weight) {
  balance::Server& server = *backend.servers[index]->live;
  if (!backend.config.balance.follows_weights() && weight != 0 &&
      weight != server.configured_weight())
    return false;
  if (server.weight() == weight) return true;
  server.set_weight(weight);
  settle(backend);  // the last weight is as good as the last server
  return true;
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
    if (before.draining() != after.draining() || before.stopping() != after.stopping())
      downtime.on_other(loop_.now());
  }
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
                                      .queued = backend.admission->waiting() + moved.requeued};
  for (const exchange::StateLine& line : exchange::server_lines(change))
    log_.write(line.severity, line.text);
  note_service(backend);
  end_sessions(backend, index, before, after);
  const auto followers = followers_.find(&server);
  if (followers == followers_.end()) return;
  const std::string name = backend.config.name + "/" + server.name();
  for (const auto& [other, place] : followers->second) inherit(*other, place, after, name);
}

void FarmKeeper::inherit(BackendState& backend, std::size_t index, Condition tracked,
                         std::string_view name) {
  // It has no checks; what those of an earlier configuration found is over.
  const Condition own = backend.servers[index]->live->condition().without(
      Condition::kInheritable | Condition::kCheckDown);
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
  if (const auto agent = agents_.find(&live); agent != agents_.end()) agent->second.holds = false;
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
