#include "proxy/stats/fill.h"

namespace hapair::stats {
namespace {

std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

void fill_responses(Row& row, const std::array<std::uint64_t, 6>& responses) {
  row.hrsp_1xx = number(responses[1]);
  row.hrsp_2xx = number(responses[2]);
  row.hrsp_3xx = number(responses[3]);
  row.hrsp_4xx = number(responses[4]);
  row.hrsp_5xx = number(responses[5]);
  row.hrsp_other = number(responses[0]);
}

}  // namespace

void fill(Row& row, const FrontendTotals& totals, bool http) {
  row.type = Row::kFrontend;
  row.mode = http ? "http" : "tcp";
  row.stot = number(totals.sessions);
  row.bin = number(totals.bytes_in);
  row.bout = number(totals.bytes_out);
  row.dreq = number(totals.denied_requests);
  row.dresp = number(totals.denied_responses);
  row.ereq = number(totals.request_errors);
  row.rate = number(totals.session_rate);
  row.rate_max = number(totals.peak_session_rate);
  row.conn_rate = number(totals.connection_rate);
  row.conn_rate_max = number(totals.peak_connection_rate);
  row.conn_tot = number(totals.connections);
  // Limits and features that are not there count nothing, and HAProxy says so with a zero.
  row.rate_lim = row.comp_in = row.comp_out = row.comp_byp = row.comp_rsp = 0;
  row.dcon = row.dses = row.wrew = row.eint = 0;
  if (!http) return;
  row.cache_lookups = row.cache_hits = 0;
  fill_responses(row, totals.responses);
  row.req_rate = number(totals.request_rate);
  row.req_rate_max = number(totals.peak_request_rate);
  row.req_tot = number(totals.requests);
  row.intercepted = number(totals.intercepted);
}

void fill(Row& row, const ServerTotals& totals, bool http, TimePoint now) {
  row.type = Row::kServer;
  row.mode = http ? "http" : "tcp";
  row.stot = number(totals.sessions);
  row.bin = number(totals.bytes_in);
  row.bout = number(totals.bytes_out);
  row.dresp = number(totals.denied_responses);
  row.econ = number(totals.connection_errors);
  row.eresp = number(totals.response_errors);
  row.wretr = number(totals.retries);
  row.wredis = number(totals.redispatches);
  row.lbtot = number(totals.chosen);
  row.rate = number(totals.session_rate);
  row.rate_max = number(totals.peak_session_rate);
  row.cli_abrt = number(totals.client_aborts);
  row.srv_abrt = number(totals.server_aborts);
  row.connect = number(totals.connects);
  row.reuse = number(totals.reuses);
  row.qtime = number(totals.queue_time.value());
  row.ctime = number(totals.connect_time.value());
  row.rtime = number(totals.response_time.value());
  row.ttime = number(totals.total_time.value());
  row.qtime_max = number(totals.queue_time.peak);
  row.ctime_max = number(totals.connect_time.peak);
  row.rtime_max = number(totals.response_time.peak);
  row.ttime_max = number(totals.total_time.peak);
  row.lastsess = totals.last_session_second < 0
                     ? -1
                     : std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count() -
                           totals.last_session_second;
  row.wrew = row.eint = 0;
  if (!http) return;
  fill_responses(row, totals.responses);
  row.req_tot = number(totals.requests);
}

void fill_backend(Row& row, const BackendTotals& totals, bool http, TimePoint now) {
  fill(row, totals, http, now);
  row.type = Row::kBackend;
  row.dreq = number(totals.denied_requests);
  row.comp_in = row.comp_out = row.comp_byp = row.comp_rsp = 0;
  if (http) row.cache_lookups = row.cache_hits = 0;
}

}  // namespace hapair::stats
