#include "proxy/admin/stats_page_service.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "proxy/admin/page.h"
#include "proxy/exchange/answers.h"
#include "proxy/exchange/basic_auth.h"
#include "proxy/stats/csv.h"
#include "proxy/stats/fill.h"

namespace hapair::proxy {
namespace {

std::int64_t seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

std::string_view mode_word(Mode mode) { return mode == Mode::Http ? "http" : "tcp"; }

template <typename Totals, typename Counters>
Totals sum(const std::vector<Counters>& workers, TimePoint now) {
  Totals totals;
  for (const Counters& worker : workers) totals.add(worker, now);
  return totals;
}

/// HAProxy numbers proxies and servers from 1, in the order of the file; ours too, frontends first.
stats::Row frontend_row(const FrontendState& frontend, std::int64_t id, unsigned process_maxconn,
                        TimePoint now) {
  stats::Row row{};
  row.pxname = frontend.config.name;
  row.svname = "FRONTEND";
  row.type = stats::Row::kFrontend;
  row.status = "OPEN";
  row.mode = mode_word(frontend.config.mode);
  row.pid = 1;  // the process number, which has been 1 ever since there is one process
  row.iid = id;
  row.sid = 0;
  row.scur = frontend.connections.current();
  row.smax = frontend.connections.peak();
  row.slim = frontend.config.maxconn > 0 ? frontend.config.maxconn : process_maxconn;
  stats::fill(row, sum<stats::FrontendTotals>(frontend.counters, now),
              frontend.config.mode == Mode::Http);
  return row;
}

stats::Row server_row(const BackendState& backend, const ServerState& server, std::int64_t id,
                      std::int64_t server_id, TimePoint now) {
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
  row.weight = live.weight();
  row.uweight = live.configured_weight();
  row.act = 1;
  row.bck = 0;
  row.status = report.status;
  if (server.config.check) {
    row.chkfail = static_cast<std::int64_t>(report.failures);
    row.chkdown = static_cast<std::int64_t>(report.downtime.downs());
    row.lastchg = seconds(now - report.downtime.last_change());
    row.downtime = seconds(report.downtime.total(now));
    row.check_status = health::short_code(report.last.status);
    row.check_desc = health::description(report.last.status);
    row.last_chk = report.last.info;
    if (report.last.code > 0) row.check_code = report.last.code;
    row.check_duration = to_milliseconds(report.last.duration);
    row.check_rise = report.rise;
    row.check_fall = report.fall;
    row.check_health = report.lives;
  }
  stats::fill(row, sum<stats::ServerTotals>(server.counters, now), backend.config.mode == Mode::Http, now);
  return row;
}

stats::Row backend_row(const BackendState& backend, std::int64_t id, TimePoint now) {
  stats::Row row{};
  row.pxname = backend.config.name;
  row.svname = "BACKEND";
  row.type = stats::Row::kBackend;
  row.mode = mode_word(backend.config.mode);
  row.algo = word(backend.config.balance.algorithm);
  row.pid = 1;
  row.iid = id;
  row.sid = 0;
  row.qcur = backend.admission->waiting();
  row.qmax = backend.admission->peak_waiting();
  row.scur = backend.sessions.current();
  row.smax = backend.sessions.peak();
  std::int64_t weight = 0;
  for (const auto& server : backend.farm)
    if (server->usable()) weight += server->weight();
  const unsigned usable = balance::usable_servers(backend.farm);
  row.weight = weight;
  row.act = usable;
  row.bck = 0;
  row.status = usable > 0 ? "UP" : "DOWN";
  {
    const std::lock_guard lock(backend.downtime_mutex);
    row.chkdown = static_cast<std::int64_t>(backend.downtime.downs());
    row.lastchg = seconds(now - backend.downtime.last_change());
    row.downtime = seconds(backend.downtime.total(now));
  }
  stats::fill_backend(row, sum<stats::BackendTotals>(backend.counters, now), backend.config.mode == Mode::Http, now);
  return row;
}

}  // namespace

std::vector<stats::Row> StatsPageService::rows(TimePoint now) const {
  std::vector<stats::Row> rows;
  // A [listen] section is one proxy: its frontend stands with its servers and its backend.
  std::vector<bool> shown(snapshot_.backends.size());
  std::int64_t id = 1;
  const auto add_backend = [&](const BackendState& backend, std::int64_t backend_id) {
    std::int64_t server_id = 0;
    for (const auto& server : backend.servers)
      rows.push_back(server_row(backend, *server, backend_id, ++server_id, now));
    rows.push_back(backend_row(backend, backend_id, now));
  };
  for (const auto& frontend : snapshot_.frontends) {
    rows.push_back(frontend_row(*frontend, ++id, snapshot_.maxconn, now));
    if (!frontend->config.from_listen || frontend->config.default_backend < 0) continue;
    const auto index = static_cast<std::size_t>(frontend->config.default_backend);
    shown[index] = true;
    add_backend(*snapshot_.backends[index], id);
  }
  for (const auto& backend : snapshot_.backends)
    if (!shown[backend->index]) add_backend(*backend, ++id);
  return rows;
}

bool StatsPageService::serves(const Stats& stats, std::string_view path_query) const {
  return path_query.starts_with(stats.uri) &&
         admin::page_for(path_query.substr(stats.uri.size())).has_value();
}

StatsService::Answer StatsPageService::answer(const Query& query) {
  const exchange::AnswerShape shape{.head = query.head, .close = query.close};
  if (!exchange::is_authorized(query.authorization, query.stats->users))
    return {401, exchange::unauthorized(query.stats->realm, shape)};

  const TimePoint now = steady_now();
  const std::vector<stats::Row> all = rows(now);
  const auto kind = admin::page_for(query.path_query.substr(query.stats->uri.size()));
  std::string body;
  if (kind == admin::PageKind::Csv) {
    stats::append_csv(body, all);
  } else {
    admin::Facts facts;
    facts.pid = ::getpid();
    facts.node = snapshot_.config.node;
    facts.version = HAPAIR_VERSION;
    facts.uptime = now - snapshot_.started;
    facts.workers = snapshot_.workers;
    facts.max_connections = snapshot_.maxconn;
    rlimit descriptors{};
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    facts.max_descriptors = descriptors.rlim_cur;
    facts.current_connections = snapshot_.connections.current();
    facts.uri = query.stats->uri;
    for (const auto& frontend : snapshot_.frontends) {
      const auto totals = sum<stats::FrontendTotals>(frontend->counters, now);
      facts.connection_rate += totals.connection_rate;
      facts.requests += totals.requests;
    }
    admin::append_page(body, facts, all);
  }
  const std::string_view type =
      kind == admin::PageKind::Csv ? "text/plain" : "text/html; charset=utf-8";
  std::string bytes = exchange::page_head(type, body.size(), shape);
  if (!query.head) bytes += body;
  return {200, std::move(bytes)};
}

}  // namespace hapair::proxy
