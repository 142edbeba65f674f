#include "proxy/runtime/farm_keeper.h"

#include <algorithm>
#include <utility>

#include "proxy/runtime/dispatch.h"

namespace hapair::proxy {
namespace {

using health::Condition;

// Probes of different servers start apart, all within this time, so that the first verdicts are
// there soon after the start.
constexpr Duration kFirstProbeSpread = std::chrono::milliseconds(20);
// Steps of many slow starts are taken together, and no more often than this.
constexpr Duration kWarmingPause = std::chrono::milliseconds(20);

}  // namespace

FarmKeeper::FarmKeeper(Loop& loop, Logger& log, PostGrant post_grant)
    : loop_(loop),
      log_(log),
      post_grant_(std::move(post_grant)),
      warming_(loop, [this] { keep_warming(); }) {}

void FarmKeeper::clear() {
  checkers_.clear();
  followers_.clear();
  places_.clear();
  snapshot_ = nullptr;
  warming_.disarm();
}

void FarmKeeper::reconcile(Snapshot& snapshot) {
  snapshot_ = &snapshot;
  places_.clear();
  std::size_t checked = 0;
  for (const auto& backend : snapshot.backends) {
    for (std::size_t i = 0; i < backend->servers.size(); ++i) {
      places_[backend->farm[i].get()] = {backend.get(), i};
      checked += backend->servers[i]->config.check ? 1 : 0;
    }
  }
  std::erase_if(checkers_, [this](const auto& entry) {
    const auto place = places_.find(entry.first);
    return place == places_.end() ||
           !place->second.backend->servers[place->second.server]->config.check;
  });
  TimePoint first = loop_.refresh();
  for (const auto& backend : snapshot.backends) {
    for (const auto& server : backend->servers) {
      if (!server->config.check) continue;
      const Check& check = *server->config.check;
      const Duration timeout = backend->config.timeout.check;
      HealthChecker::Target target{.address = server->live->address(),
                                   .approach = server->config.approach,
                                   .preamble = local_header(server->config.send_proxy),
                                   .check = check,
                                   .timeout = timeout > Duration::zero() ? timeout : check.interval};
      std::unique_ptr<HealthChecker>& checker = checkers_[server->live.get()];
      if (checker && checker->target() == target) continue;
      const std::uint64_t failures = checker ? checker->fsm().failures() : 0;
      checker = std::make_unique<HealthChecker>(
          loop_, std::move(target), first,
          [this, &live = *server->live](const auto& result) { on_verdict(live, result); });
      checker->assume(server->live->health(), failures);
      if (server->live->condition().in_maintenance()) checker->pause();
      first += kFirstProbeSpread / static_cast<int>(checked);
    }
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

balance::Admission::Change FarmKeeper::rebalance(BackendState& backend) {
  backend.balancer->rebuild();
  balance::Admission::Change change = backend.admission->grants_after_change();
  for (const balance::Grant& grant : change.grants) post_grant_(grant, backend);
  return change;
}

void FarmKeeper::begin_slowly(Occasion occasion) {
  for (const auto& backend : snapshot_->backends) {
    for (const auto& server : backend->servers) {
      const SlowStart& slow_start = server->config.slow_start;
      const bool asked = occasion == Occasion::Takeover || slow_start.at_start;
      if (asked && server->live->up()) server->live->begin_slowly(loop_.now(), slow_start.length);
    }
    rebalance(*backend);
  }
  keep_warming();
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
}

void FarmKeeper::set_admin(BackendState& backend, std::size_t index, Wish wish,
                           const exchange::Cause& cause) {
  const balance::Server& live = *backend.servers[index]->live;
  const Condition before = live.condition();
  constexpr auto own = Condition::kForcedMaint | Condition::kConfiguredMaint | Condition::kForcedDrain;
  Condition after = before.without(own)
                        .with(Condition::kForcedDrain, wish == Wish::Drain)
                        .with(Condition::kForcedMaint, wish == Wish::Maintenance);
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
