#include "proxy/stats/typed.h"

#include <gtest/gtest.h>

#include <array>

namespace hapair::stats {
namespace {

Row server() {
  Row row;
  row.type = Row::kServer;
  row.pxname = "webservers";
  row.svname = "web1";
  row.pid = 1;
  row.iid = 3;
  row.sid = 1;
  row.status = "UP";
  row.act = 1;
  row.rate = 0;
  row.lastsess = -1;
  row.addr = "127.0.0.1:18191";
  return row;
}

// Observed from HAProxy 2.6, line by line.
TEST(Typed, WritesAServerAsHaproxyDoes) {
  std::string out;
  append_typed(out, std::array{server()});
  EXPECT_EQ(out,
            "S.3.1.0.pxname.1:KNS:str:webservers\n"
            "S.3.1.1.svname.1:KNS:str:web1\n"
            "S.3.1.17.status.1:SGP:str:UP\n"
            "S.3.1.19.act.1:SGP:u32:1\n"
            "S.3.1.26.pid.1:KGP:u32:1\n"
            "S.3.1.27.iid.1:KGS:u32:3\n"
            "S.3.1.28.sid.1:KGS:u32:1\n"
            "S.3.1.32.type.1:CGS:u32:2\n"
            "S.3.1.33.rate.1:MRP:u32:0\n"
            "S.3.1.55.lastsess.1:MAP:s32:-1\n"
            "S.3.1.73.addr.1:CGS:str:127.0.0.1:18191\n");
}

TEST(Typed, KnowsTheColumnsThatDifferInABackend) {
  Row row;
  row.type = Row::kBackend;
  row.iid = 3;
  row.sid = 0;
  row.act = 2;
  row.rate = row.rate_max = 1;
  row.agg_check_status = 0;
  std::string out;
  append_typed(out, std::array{row});
  EXPECT_EQ(out,
            "B.3.0.19.act.1:MGP:u32:2\n"
            "B.3.0.27.iid.1:KGS:u32:3\n"
            "B.3.0.28.sid.1:KGS:u32:0\n"
            "B.3.0.32.type.1:CGS:u32:1\n"
            "B.3.0.33.rate.1:MGP:u32:1\n"
            "B.3.0.35.rate_max.1:MGP:u32:1\n"
            "B.3.0.102.agg_check_status.1:MGP:u32:0\n");
}

TEST(Typed, WritesJsonAsHaproxyDoes) {
  Row row;
  row.type = Row::kServer;
  row.iid = 3;
  row.sid = 1;
  std::string out;
  append_json(out, std::array{row, row});
  const std::string one =
      R"([{"objType":"Server","proxyId":3,"id":1,"field":{"pos":27,"name":"iid"},"processNum":1,)"
      R"("tags":{"origin":"Key","nature":"Gauge","scope":"Service"},"value":{"type":"u32","value":3}},)"
      R"({"objType":"Server","proxyId":3,"id":1,"field":{"pos":28,"name":"sid"},"processNum":1,)"
      R"("tags":{"origin":"Key","nature":"Gauge","scope":"Service"},"value":{"type":"u32","value":1}},)"
      R"({"objType":"Server","proxyId":3,"id":1,"field":{"pos":32,"name":"type"},"processNum":1,)"
      R"("tags":{"origin":"Config","nature":"Gauge","scope":"Service"},"value":{"type":"u32","value":2}}])";
  EXPECT_EQ(out, "[" + one + "," + one + "]\n");
}

TEST(Typed, EscapesWhatWouldEndAJsonString) {
  Row row;
  row.pxname = "a\"b\\c\n\xff";
  std::string out;
  append_json(out, std::array{row});
  EXPECT_NE(out.find(R"("value":"a\"b\\c\u000a\u00ff")"), out.npos) << out;
}

TEST(Typed, WritesFiguresOfTheProcessInThreeWays) {
  const std::array figures{
      ProcessFigure{8, "Uptime_sec", {'M', 'D', 'P', "u32"}, "50", "seconds since the start"},
      ProcessFigure{50, "node", {'C', 'O', 'S', "str"}, "lb1", "who we are"},
  };
  const auto written = [&](FigureFormat format, bool described = false) {
    std::string out;
    append_figures(out, figures, format, described);
    return out;
  };
  EXPECT_EQ(written(FigureFormat::Plain), "Uptime_sec: 50\nnode: lb1\n");
  EXPECT_EQ(written(FigureFormat::Plain, true),
            "Uptime_sec: 50:\"seconds since the start\"\nnode: lb1:\"who we are\"\n");
  EXPECT_EQ(written(FigureFormat::Typed), "8.Uptime_sec.1:MDP:u32:50\n50.node.1:COS:str:lb1\n");
  EXPECT_EQ(
      written(FigureFormat::Json),
      R"([{"field":{"pos":8,"name":"Uptime_sec"},"processNum":1,"tags":{"origin":"Metric",)"
      R"("nature":"Duration","scope":"Process"},"value":{"type":"u32","value":50}},)"
      R"({"field":{"pos":50,"name":"node"},"processNum":1,"tags":{"origin":"Config",)"
      R"("nature":"Output","scope":"Service"},"value":{"type":"str","value":"lb1"}}])"
      "\n");
}

}  // namespace
}  // namespace hapair::stats
