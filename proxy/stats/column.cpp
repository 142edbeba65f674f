#include "proxy/stats/column.h"

#include <array>

namespace hapair::stats {
namespace {

// As observed from HAProxy 2.6 up to agg_check_status; later ones after their siblings.
constexpr auto kColumns = std::to_array<Column>({
    {"pxname", {'K', 'N', 'S', "str"}},
    {"svname", {'K', 'N', 'S', "str"}},
    {"qcur", {'M', 'G', 'P', "u32"}},
    {"qmax", {'M', 'M', 'P', "u32"}},
    {"scur", {'M', 'G', 'P', "u32"}},
    {"smax", {'M', 'M', 'P', "u32"}},
    {"slim", {'C', 'L', 'P', "u32"}},
    {"stot", {'M', 'C', 'P', "u64"}},
    {"bin", {'M', 'C', 'P', "u64"}},
    {"bout", {'M', 'C', 'P', "u64"}},
    {"dreq", {'M', 'C', 'P', "u64"}},
    {"dresp", {'M', 'C', 'P', "u64"}},
    {"ereq", {'M', 'C', 'P', "u64"}},
    {"econ", {'M', 'C', 'P', "u64"}},
    {"eresp", {'M', 'C', 'P', "u64"}},
    {"wretr", {'M', 'C', 'P', "u64"}},
    {"wredis", {'M', 'C', 'P', "u64"}},
    {"status", {'S', 'G', 'P', "str"}},
    {"weight", {'M', 'a', 'P', "u32"}},
    {"act", {'M', 'G', 'P', "u32"}},
    {"bck", {'M', 'G', 'P', "u32"}},
    {"chkfail", {'M', 'C', 'P', "u64"}},
    {"chkdown", {'M', 'C', 'P', "u64"}},
    {"lastchg", {'M', 'A', 'P', "u32"}},
    {"downtime", {'M', 'C', 'P', "u32"}},
    {"qlimit", {'C', 'G', 'S', "u32"}},
    {"pid", {'K', 'G', 'P', "u32"}},
    {"iid", {'K', 'G', 'S', "u32"}},
    {"sid", {'K', 'G', 'S', "u32"}},
    {"throttle", {'M', 'a', 'P', "u32"}},
    {"lbtot", {'M', 'C', 'P', "u64"}},
    {"tracked", {'C', 'N', 'S', "str"}},
    {"type", {'C', 'G', 'S', "u32"}},
    {"rate", {'M', 'R', 'P', "u32"}},
    {"rate_lim", {'C', 'L', 'P', "u32"}},
    {"rate_max", {'M', 'M', 'P', "u32"}},
    {"check_status", {'M', 'O', 'P', "str"}},
    {"check_code", {'M', 'O', 'P', "u32"}},
    {"check_duration", {'M', 'D', 'P', "u64"}},
    {"hrsp_1xx", {'M', 'C', 'P', "u64"}},
    {"hrsp_2xx", {'M', 'C', 'P', "u64"}},
    {"hrsp_3xx", {'M', 'C', 'P', "u64"}},
    {"hrsp_4xx", {'M', 'C', 'P', "u64"}},
    {"hrsp_5xx", {'M', 'C', 'P', "u64"}},
    {"hrsp_other", {'M', 'C', 'P', "u64"}},
    {"hanafail", {'M', 'C', 'P', "u64"}},
    {"req_rate", {'M', 'R', 'P', "u32"}},
    {"req_rate_max", {'M', 'M', 'P', "u32"}},
    {"req_tot", {'M', 'C', 'P', "u64"}},
    {"cli_abrt", {'M', 'C', 'P', "u64"}},
    {"srv_abrt", {'M', 'C', 'P', "u64"}},
    {"comp_in", {'M', 'C', 'P', "u64"}},
    {"comp_out", {'M', 'C', 'P', "u64"}},
    {"comp_byp", {'M', 'C', 'P', "u64"}},
    {"comp_rsp", {'M', 'C', 'P', "u64"}},
    {"lastsess", {'M', 'A', 'P', "s32"}},
    {"last_chk", {'M', 'O', 'P', "str"}},
    {"last_agt", {'M', 'O', 'P', "str"}},
    {"qtime", {'M', 'a', 'P', "u32"}},
    {"ctime", {'M', 'a', 'P', "u32"}},
    {"rtime", {'M', 'a', 'P', "u32"}},
    {"ttime", {'M', 'a', 'P', "u32"}},
    {"agent_status", {'M', 'O', 'P', "str"}},
    {"agent_code", {'M', 'O', 'P', "u32"}},
    {"agent_duration", {'M', 'D', 'P', "u64"}},
    {"check_desc", {'M', 'O', 'P', "str"}},
    {"agent_desc", {'M', 'O', 'P', "str"}},
    {"check_rise", {'C', 'G', 'S', "u32"}},
    {"check_fall", {'C', 'G', 'S', "u32"}},
    {"check_health", {'C', 'G', 'S', "u32"}},
    {"agent_rise", {'C', 'G', 'S', "u32"}},
    {"agent_fall", {'C', 'G', 'S', "u32"}},
    {"agent_health", {'C', 'G', 'S', "u32"}},
    {"addr", {'C', 'G', 'S', "str"}},
    {"cookie", {'C', 'N', 'S', "str"}},
    {"mode", {'C', 'G', 'S', "str"}},
    {"algo", {'C', 'G', 'S', "str"}},
    {"conn_rate", {'M', 'R', 'P', "u32"}},
    {"conn_rate_max", {'M', 'M', 'P', "u32"}},
    {"conn_tot", {'M', 'C', 'P', "u64"}},
    {"intercepted", {'M', 'C', 'P', "u64"}},
    {"dcon", {'M', 'C', 'P', "u64"}},
    {"dses", {'M', 'C', 'P', "u64"}},
    {"wrew", {'M', 'C', 'P', "u64"}},
    {"connect", {'M', 'C', 'P', "u64"}},
    {"reuse", {'M', 'C', 'P', "u64"}},
    {"cache_lookups", {'M', 'C', 'P', "u64"}},
    {"cache_hits", {'M', 'C', 'P', "u64"}},
    {"srv_icur", {'M', 'G', 'P', "u32"}},
    {"src_ilim", {'C', 'L', 'P', "u32"}},
    {"qtime_max", {'M', 'M', 'P', "u32"}},
    {"ctime_max", {'M', 'M', 'P', "u32"}},
    {"rtime_max", {'M', 'M', 'P', "u32"}},
    {"ttime_max", {'M', 'M', 'P', "u32"}},
    {"eint", {'M', 'C', 'P', "u64"}},
    {"idle_conn_cur", {'M', 'G', 'P', "u32"}},
    {"safe_conn_cur", {'M', 'G', 'P', "u32"}},
    {"used_conn_cur", {'M', 'G', 'P', "u32"}},
    {"need_conn_est", {'M', 'G', 'P', "u32"}},
    {"uweight", {'M', 'a', 'P', "u32"}},
    {"agg_server_status", {'M', 'G', 'P', "u32"}},
    {"agg_server_check_status", {'M', 'G', 'P', "u32"}},
    {"agg_check_status", {'M', 'G', 'P', "u32"}},
    {"srid", {'K', 'G', 'S', "u32"}},
    {"sess_other", {'M', 'C', 'P', "u64"}},
    {"h1sess", {'M', 'C', 'P', "u64"}},
    {"h2sess", {'M', 'C', 'P', "u64"}},
    {"h3sess", {'M', 'C', 'P', "u64"}},
    {"req_other", {'M', 'C', 'P', "u64"}},
    {"h1req", {'M', 'C', 'P', "u64"}},
    {"h2req", {'M', 'C', 'P', "u64"}},
    {"h3req", {'M', 'C', 'P', "u64"}},
    {"proto", {'C', 'G', 'S', "str"}},
    {"priv_idle_cur", {'M', 'G', 'P', "u32"}},
    {"reqbin", {'M', 'C', 'P', "u64"}},
    {"reqbout", {'M', 'C', 'P', "u64"}},
    {"resbin", {'M', 'C', 'P', "u64"}},
    {"resbout", {'M', 'C', 'P', "u64"}},
    {"cache_hint_hits", {'M', 'C', 'P', "u64"}},
});

constexpr std::size_t kCount = [] {
  std::size_t count = 0;
#define HAPAIR_STATS_COUNT(type_, name_) ++count;
  HAPAIR_STATS_COLUMNS(HAPAIR_STATS_COUNT)
#undef HAPAIR_STATS_COUNT
  return count;
}();
static_assert(kColumns.size() == kCount, "every column of Row needs a kind");

}  // namespace

std::span<const Column> columns() { return kColumns; }

Kind kind_of(std::size_t column, std::int64_t row_type) {
  Kind kind = kColumns[column].kind;
  const std::string_view name = kColumns[column].name;
  if (row_type == Row::kServer && (name == "act" || name == "bck")) kind.origin = 'S';
  if (row_type == Row::kBackend && (name == "rate" || name == "rate_max")) kind.nature = 'G';
  return kind;
}

std::string_view origin_word(const Kind& kind) {
  switch (kind.origin) {
    case 'S': return "Status";
    case 'K': return "Key";
    case 'C': return "Config";
    case 'P': return "Product";
    default: return "Metric";
  }
}

std::string_view nature_word(const Kind& kind) {
  switch (kind.nature) {
    case 'A': return "Age";
    case 'a': return "Avg";
    case 'C': return "Counter";
    case 'D': return "Duration";
    case 'L': return "Limit";
    case 'M': return "Max";
    case 'N': return "Name";
    case 'O': return "Output";
    case 'R': return "Rate";
    default: return "Gauge";
  }
}

std::string_view scope_word(const Kind& kind) {
  switch (kind.scope) {
    case 'C': return "Cluster";
    case 'S': return "Service";
    case 's': return "System";
    default: return "Process";
  }
}

}  // namespace hapair::stats
