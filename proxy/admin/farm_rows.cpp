#include "proxy/admin/farm_rows.h"

#include <fmt/format.h>

#include <span>

#include "proxy/config/full_load.h"
#include "proxy/health/status_word.h"
#include "proxy/stats/fill.h"

namespace hapair::proxy {
namespace {

std::int64_t seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

std::string_view mode_word(Mode mode) { return mode == Mode::Http ? "http" : "tcp"; }

template <typename Totals, typename Counters>
Totals sum(std::span<Counters> workers, TimePoint now) {
  Totals totals;
  for (const Counters& worker : workers) totals.add(worker, now);
  return totals;
}

stats::Row frontend_row(const FrontendState& frontend, std::int64_t id, unsigned process_maxconn,
                        bool draining, TimePoint now) {
  stats::Row row{};
  row.pxname = frontend.config.name;
  row.svname = "FRONTEND";
  row.type = stats::Row::kFrontend;
  row.mode = mode_word(frontend.config.mode);
  row.pid = 1;  // the process number, which has been 1 ever since there is one process
  row.iid = id;
  row.sid = 0;
  row.scur = frontend.connections.current();
  row.smax = frontend.connections.peak();
  const unsigned own = frontend.record->maxconn.load(std::memory_order_relaxed);
  row.slim = own > 0 ? own : process_maxconn;
  using Door = FrontendRecord::Door;
  const Door door = frontend.record->door;
  row.status = door == Door::Paused                ? "PAUSED"
               : door == Door::Stopped || draining ? "STOP"
               : *row.scur >= *row.slim            ? "FULL"
                                                   : "OPEN";
  stats::fill(row, sum<stats::FrontendTotals>(frontend.counters, now),
              frontend.config.mode == Mode::Http);
  return row;
}

/// In a slow start a server has a part of its weight, rounded up, where the algorithm heeds that.
std::int64_t weight_now(const Balance& balance, const balance::Server& server) {
  constexpr unsigned whole = balance::Server::kWarm;
  return balance.follows_weights() ? (server.effective_weight() + whole - 1) / whole
                                   : server.weight();
}

/// "L7OK"; "* L7OK" while the next one is under way.
std::string status_code(bool under_way, const health::ProbeResult& last) {
  return fmt::format("{}{}", under_way ? "* " : "", health::short_code(last.status));
}

stats::Row server_row(const BackendState& backend, const ServerState& server, std::int64_t id,
                      std::int64_t server_id, TimePoint now, Detail detail) {
  const CheckReport report = server.report();
  const balance::Server& live = *server.live;
  stats::Row row{};
  row.pxname = backend.config.name;
  row.svname = server.config.name;
  row.type = stats::Row::kServer;
  row.mode = mode_word(backend.config.mode);
  row.pid = 1;
  row.iid = id;
  row.sid = server_id;
  row.qcur = live.waiting();
  row.qmax = live.peak_waiting();
  row.scur = live.sessions();
  row.smax = live.peak_sessions();
  if (live.maxconn() > 0) row.slim = live.maxconn();
  row.weight = weight_now(backend.config.balance, live);
  row.uweight = live.weight();
  if (detail == Detail::Operator) {
    const auto& unix_socket = server.config.approach.unix_socket;
    row.addr = unix_socket ? unix_socket->to_string() : live.address().to_string();
    row.cookie = server.config.cookie;
  }
  row.act = live.backup() ? 0 : 1;
  row.bck = live.backup() ? 1 : 0;
  if (live.max_queue() > 0) row.qlimit = live.max_queue();
  if (live.warmth() < balance::Server::kWarm)
    row.throttle = 100 * live.warmth() / balance::Server::kWarm;
  const std::string tracked = server.config.track ? server.config.track->to_string() : "";
  row.tracked = tracked;
  row.status = health::status_word({.condition = live.condition(),
                                    .checked = server.config.check || server.config.track,
                                    .has_agent = server.config.agent.has_value(),
                                    .rise = report.rise,
                                    .fall = report.fall,
                                    .lives = report.lives,
                                    .tracked = tracked});
  if (server.config.agent) {
    row.agent_status = status_code(server.record->asking_agent, report.agent);
    row.agent_desc = health::description(report.agent.status);
    row.last_agt = report.agent.info;
    if (report.agent.code >= 0) row.agent_code = report.agent.code;
    row.agent_duration = to_milliseconds(report.agent.duration);
    row.agent_rise = row.agent_fall = 1;
    row.agent_health = live.condition().has(health::Condition::kAgentDown) ? 0 : 1;
  }
  row.lastchg = seconds(now - report.downtime.last_change());
  if (server.config.check) {
    row.chkfail = static_cast<std::int64_t>(report.failures);
    row.chkdown = static_cast<std::int64_t>(report.downtime.downs());
    row.downtime = seconds(report.downtime.total(now));
    if (server.config.observe.layer != Observe::Layer::None)
      row.hanafail = static_cast<std::int64_t>(report.traffic_failures);
    if (!live.condition().in_maintenance()) {  // where nobody looks at it
      row.check_status = status_code(server.record->probing, report.last);
      row.check_desc = health::description(report.last.status);
      row.last_chk = report.last.info;
      if (report.last.code >= 0) row.check_code = report.last.code;
      if (report.last.status != health::ProbeStatus::Observed)
        row.check_duration = to_milliseconds(report.last.duration);
      row.check_rise = report.rise;
      row.check_fall = report.fall;
      row.check_health = report.lives;
    }
  }
  stats::fill(row, sum<stats::ServerTotals>(server.counters, now), backend.config.mode == Mode::Http, now);
  return row;
}

stats::Row backend_row(const BackendState& backend, std::int64_t id, TimePoint now,
                       Detail detail) {
  stats::Row row{};
  row.pxname = backend.config.name;
  row.svname = "BACKEND";
  row.type = stats::Row::kBackend;
  row.mode = mode_word(backend.config.mode);
  if (detail == Detail::Operator) {
    row.algo = word(backend.config.balance.algorithm);
    if (backend.config.cookie) row.cookie = backend.config.cookie->name;
  }
  row.pid = 1;
  row.iid = id;
  row.sid = 0;
  row.qcur = backend.admission->waiting();
  row.qmax = backend.admission->peak_waiting();
  row.scur = backend.sessions.current();
  row.smax = backend.sessions.peak();
  row.slim = full_load(backend.snapshot.config, backend.index, backend.snapshot.maxconn);
  std::int64_t weight = 0, full_weight = 0;
  for (const auto& server : backend.farm) {
    if (!server->usable()) continue;
    weight += weight_now(backend.config.balance, *server);
    full_weight += server->weight();
  }
  const auto [active, backup] = balance::strength(backend.farm);
  row.weight = weight;
  row.uweight = full_weight;
  row.act = active;
  row.bck = backup;
  row.status = active + backup > 0 ? "UP" : "DOWN";
  {
    const std::lock_guard lock(backend.record->downtime_mutex);
    row.chkdown = static_cast<std::int64_t>(backend.record->downtime.downs());
    row.lastchg = seconds(now - backend.record->downtime.last_change());
    row.downtime = seconds(backend.record->downtime.total(now));
  }
  stats::fill_backend(row, sum<stats::BackendTotals>(backend.counters, now), backend.config.mode == Mode::Http, now);
  return row;
}

}  // namespace

std::vector<NumberedProxy> numbered_proxies(const Snapshot& snapshot) {
  std::vector<NumberedProxy> proxies;
  std::vector<bool> named(snapshot.backends.size());
  std::int64_t id = 1;
  for (const auto& frontend : snapshot.frontends) {
    NumberedProxy proxy{.id = ++id, .frontend = frontend.get()};
    if (frontend->config.from_listen && frontend->config.default_backend >= 0) {
      const auto index = static_cast<std::size_t>(frontend->config.default_backend);
      named[index] = true;
      proxy.backend = snapshot.backends[index].get();
    }
    proxies.push_back(proxy);
  }
  for (const auto& backend : snapshot.backends)
    if (!named[backend->index]) proxies.push_back({.id = ++id, .backend = backend.get()});
  return proxies;
}

std::vector<stats::Row> farm_rows(const Snapshot& snapshot, TimePoint now, Detail detail) {
  std::vector<stats::Row> rows;
  for (const NumberedProxy& proxy : numbered_proxies(snapshot)) {
    if (proxy.frontend)
      rows.push_back(frontend_row(*proxy.frontend, proxy.id, snapshot.maxconn,
                                  snapshot.process->draining, now));
    if (!proxy.backend) continue;
    std::int64_t server_id = 0;
    for (const auto& server : proxy.backend->servers)
      rows.push_back(server_row(*proxy.backend, *server, proxy.id, ++server_id, now, detail));
    rows.push_back(backend_row(*proxy.backend, proxy.id, now, detail));
  }
  return rows;
}

}  // namespace hapair::proxy
