#include "proxy/admin/stats_page_service.h"

#include <sys/resource.h>
#include <unistd.h>

#include "proxy/admin/farm_rows.h"
#include "proxy/admin/page.h"
#include "proxy/exchange/answers.h"
#include "proxy/exchange/basic_auth.h"
#include "proxy/stats/csv.h"
#include "proxy/stats/typed.h"

namespace hapair::proxy {

bool StatsPageService::serves(const Stats& stats, std::string_view path_query) const {
  return path_query.starts_with(stats.uri) &&
         admin::page_for(path_query.substr(stats.uri.size())).has_value();
}

StatsService::Answer StatsPageService::answer(const Query& query) {
  const exchange::AnswerShape shape{.head = query.head, .close = query.close};
  if (!exchange::is_authorized(query.authorization, query.stats->users))
    return {401, exchange::unauthorized(query.stats->realm, shape)};

  const Snapshot& snapshot = *query.snapshot;
  const TimePoint now = steady_now();
  const std::vector<stats::Row> all = farm_rows(snapshot, now, Detail::Public);
  const auto kind = admin::page_for(query.path_query.substr(query.stats->uri.size()));
  std::string body;
  if (kind == admin::PageKind::Csv) {
    stats::append_csv(body, all);
  } else if (kind == admin::PageKind::Json) {
    stats::append_json(body, all);
  } else {
    admin::Facts facts;
    facts.pid = ::getpid();
    facts.node = snapshot.config.node;
    facts.version = HAPAIR_VERSION;
    facts.uptime = now - snapshot.started;
    facts.workers = snapshot.workers;
    facts.max_connections = snapshot.maxconn;
    rlimit descriptors{};
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    facts.max_descriptors = descriptors.rlim_cur;
    facts.current_connections = snapshot.connections.current();
    facts.uri = query.stats->uri;
    const stats::FrontendTotals totals = snapshot.process->frontend_totals(now);
    facts.connection_rate = totals.connection_rate;
    facts.requests = totals.requests;
    admin::append_page(body, facts, all);
  }
  const std::string_view type = kind == admin::PageKind::Csv    ? "text/plain"
                                : kind == admin::PageKind::Json ? "application/json"
                                                                : "text/html; charset=utf-8";
  std::string bytes = exchange::page_head(type, body.size(), shape);
  if (!query.head) bytes += body;
  return {200, std::move(bytes)};
}

}  // namespace hapair::proxy
