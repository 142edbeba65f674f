#include "proxy/stats/csv.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "proxy/stats/fill.h"

namespace hapair::stats {
namespace {

using namespace std::chrono_literals;

std::string csv(const Row& row) {
  std::string out;
  append_csv_row(out, row);
  return out;
}

TEST(Csv, NamesTheColumnsInTheOrderToolsRelyOn) {
  std::string out;
  append_csv_header(out);
  EXPECT_TRUE(out.starts_with(
      "# "
      "pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,"
      "wredis,status,"
      "weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,"
      "type,rate,"
      "rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_"
      "4xx,hrsp_5xx,"
      "hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_"
      "byp,comp_rsp,"
      "lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,"
      "check_desc,"
      "agent_desc,check_rise,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,"
      "cookie,mode,algo,"
      "conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,"
      "cache_hits,"
      "srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,"
      "used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_"
      "status,"))
      << out;
  EXPECT_TRUE(out.ends_with(",cache_hint_hits,-,\n"));
}

TEST(Csv, HasAsManyValuesAsNames) {
  std::string header;
  append_csv_header(header);
  const std::string empty = csv({});
  EXPECT_EQ(std::count(header.begin(), header.end(), ','),
            std::count(empty.begin(), empty.end(), ','));
  EXPECT_EQ(std::count(empty.begin(), empty.end(), ','), 120);
}

// Observed: be,ok,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP,1,1,0,0,0,4,0,,1,2,1,,0,,2,0,,0,L7OK,200,0,0,0,…
TEST(Csv, WritesAServerAsHaproxyDoes) {
  Row row;
  fill(row, ServerTotals{}, /*http=*/true, TimePoint{100s});
  row.pxname = "be";
  row.svname = "ok";
  row.qcur = row.qmax = row.scur = row.smax = 0;
  row.status = "UP";
  row.weight = row.act = 1;
  row.bck = row.chkfail = row.chkdown = row.downtime = 0;
  row.lastchg = 4;
  row.pid = row.sid = 1;
  row.iid = 2;
  row.check_status = "L7OK";
  row.check_code = 200;
  row.check_duration = 0;
  EXPECT_TRUE(
      csv(row).starts_with("be,ok,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP,1,1,0,0,0,4,0,,1,2,1,,0,,2,0,,0,"
                           "L7OK,200,0,0,0,0,0,0,0,,,,0,0,0,,,,,"
                           "-1,,,0,0,0,0,"))
      << csv(row);
}

// Observed:
// fe,FRONTEND,,,1,1,9985,1,0,0,0,0,0,,,,,OPEN,,,,,,,,,1,2,0,,,,0,1,0,1,,,,0,0,0,0,0,0,,1,1,1,
TEST(Csv, WritesAFrontendAsHaproxyDoes) {
  FrontendTotals totals;
  totals.sessions = totals.requests = totals.connections = totals.session_rate =
      totals.request_rate = 1;
  totals.peak_session_rate = totals.peak_request_rate = 1;
  Row row;
  fill(row, totals, /*http=*/true);
  row.pxname = "fe";
  row.svname = "FRONTEND";
  row.scur = row.smax = 1;
  row.slim = 9985;
  row.status = "OPEN";
  row.pid = 1;
  row.iid = 2;
  row.sid = 0;
  row.rate_lim = 0;
  EXPECT_TRUE(
      csv(row).starts_with("fe,FRONTEND,,,1,1,9985,1,0,0,0,0,0,,,,,OPEN,,,,,,,,,1,2,0,,,,0,1,0,1,,,"
                           ",0,0,0,0,0,0,,1,1,1,"))
      << csv(row);
}

TEST(Csv, LeavesHttpColumnsOfTcpProxiesEmpty) {
  Row row;
  fill_backend(row, BackendTotals{}, /*http=*/false, TimePoint{100s});
  EXPECT_FALSE(row.hrsp_2xx);
  EXPECT_FALSE(row.req_tot);
  EXPECT_EQ(row.mode, "tcp");
  EXPECT_EQ(row.dreq, 0);
}

TEST(Csv, QuotesWhatWouldBreakALine) {
  EXPECT_TRUE(csv({.pxname = "a,b", .svname = "c\"d"}).starts_with("\"a,b\",\"c\"\"d\","));
}

}  // namespace
}  // namespace hapair::stats
