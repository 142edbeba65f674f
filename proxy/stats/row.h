// One line of the statistics: everything known about a frontend, a backend or a server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hapair::stats {

/// A column that does not apply to this kind of row, or is not known, is empty.
using Number = std::optional<std::int64_t>;
using Text = std::string;

// HAProxy's columns in HAProxy's order, which tools rely on: never insert, only append.
// X(type, name).
// clang-format off
#define HAPAIR_STATS_COLUMNS(X) \
   X(Text, pxname) X(Text, svname) X(Number, qcur) X(Number, qmax) X(Number, scur) \
   X(Number, smax) X(Number, slim) X(Number, stot) X(Number, bin) X(Number, bout) \
   X(Number, dreq) X(Number, dresp) X(Number, ereq) X(Number, econ) X(Number, eresp) \
   X(Number, wretr) X(Number, wredis) X(Text, status) X(Number, weight) X(Number, act) \
   X(Number, bck) X(Number, chkfail) X(Number, chkdown) X(Number, lastchg) \
   X(Number, downtime) X(Number, qlimit) X(Number, pid) X(Number, iid) X(Number, sid) \
   X(Number, throttle) X(Number, lbtot) X(Text, tracked) X(Number, type) X(Number, rate) \
   X(Number, rate_lim) X(Number, rate_max) X(Text, check_status) X(Number, check_code) \
   X(Number, check_duration) X(Number, hrsp_1xx) X(Number, hrsp_2xx) X(Number, hrsp_3xx) \
   X(Number, hrsp_4xx) X(Number, hrsp_5xx) X(Number, hrsp_other) X(Number, hanafail) \
   X(Number, req_rate) X(Number, req_rate_max) X(Number, req_tot) X(Number, cli_abrt) \
   X(Number, srv_abrt) X(Number, comp_in) X(Number, comp_out) X(Number, comp_byp) \
   X(Number, comp_rsp) X(Number, lastsess) X(Text, last_chk) X(Text, last_agt) \
   X(Number, qtime) X(Number, ctime) X(Number, rtime) X(Number, ttime) X(Text, agent_status) \
   X(Number, agent_code) X(Number, agent_duration) X(Text, check_desc) X(Text, agent_desc) \
   X(Number, check_rise) X(Number, check_fall) X(Number, check_health) X(Number, agent_rise) \
   X(Number, agent_fall) X(Number, agent_health) X(Text, addr) X(Text, cookie) X(Text, mode) \
   X(Text, algo) X(Number, conn_rate) X(Number, conn_rate_max) X(Number, conn_tot) \
   X(Number, intercepted) X(Number, dcon) X(Number, dses) X(Number, wrew) X(Number, connect) \
   X(Number, reuse) X(Number, cache_lookups) X(Number, cache_hits) X(Number, srv_icur) \
   X(Number, src_ilim) X(Number, qtime_max) X(Number, ctime_max) X(Number, rtime_max) \
   X(Number, ttime_max) X(Number, eint) X(Number, idle_conn_cur) X(Number, safe_conn_cur) \
   X(Number, used_conn_cur) X(Number, need_conn_est) X(Number, uweight) \
   X(Number, agg_server_status) X(Number, agg_server_check_status) \
   X(Number, agg_check_status) X(Number, srid) X(Number, sess_other) X(Number, h1sess) \
   X(Number, h2sess) X(Number, h3sess) X(Number, req_other) X(Number, h1req) X(Number, h2req) \
   X(Number, h3req) X(Text, proto) X(Number, priv_idle_cur) X(Number, reqbin) \
   X(Number, reqbout) X(Number, resbin) X(Number, resbout) X(Number, cache_hint_hits)
// clang-format on

struct Row {
  // Values of `type`.
  static constexpr std::int64_t kFrontend = 0, kBackend = 1, kServer = 2, kListener = 3;

#define HAPAIR_STATS_FIELD(type_, name_) type_ name_;
  HAPAIR_STATS_COLUMNS(HAPAIR_STATS_FIELD)
#undef HAPAIR_STATS_FIELD
};

}  // namespace hapair::stats
