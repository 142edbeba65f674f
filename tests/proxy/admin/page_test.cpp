#include "proxy/admin/page.h"

#include <gtest/gtest.h>

#include <vector>

namespace hapair::admin {
namespace {

using namespace std::chrono_literals;
using stats::Row;

Facts facts() {
  return {.pid = 8038,
          .node = "hap1",
          .version = "0.1.0",
          .uptime = 3h + 12min,
          .workers = 2,
          .max_connections = 2000,
          .max_descriptors = 4096,
          .current_connections = 3,
          .connection_rate = 12,
          .requests = 123456,
          .uri = "/haproxy?stats"};
}

Row server(std::string name, std::string status) {
  Row row;
  row.pxname = "webservers";
  row.svname = std::move(name);
  row.type = Row::kServer;
  row.status = std::move(status);
  row.lastchg = 75;
  row.qcur = row.qmax = row.scur = 0;
  row.smax = 7;
  row.slim = 32;
  row.rate = 6;
  row.rate_max = 25;
  row.stot = row.lbtot = 61728;
  row.lastsess = 0;
  row.bin = 7777777;
  row.bout = 123456789;
  row.dresp = row.econ = row.eresp = row.wretr = row.wredis = 0;
  row.weight = row.act = 1;
  row.bck = row.chkfail = row.chkdown = row.downtime = 0;
  row.check_status = "L7OK";
  row.check_code = 200;
  row.check_duration = 1;
  row.check_desc = "Layer7 check passed";
  return row;
}

std::vector<Row> farm() {
  Row frontend;
  frontend.pxname = "http-in";
  frontend.svname = "FRONTEND";
  frontend.type = Row::kFrontend;
  frontend.status = "OPEN";
  frontend.scur = 3;
  frontend.smax = 40;
  frontend.slim = 2000;
  frontend.stot = 5000;
  frontend.rate = 12;
  frontend.rate_max = 50;
  frontend.bin = 15555554;
  frontend.bout = 246913578;
  frontend.dreq = frontend.dresp = 0;
  frontend.ereq = 2;
  Row down = server("web1", "DOWN");
  down.check_status = "L4CON";
  down.check_code.reset();
  down.check_desc = "Layer4 connection problem";
  down.last_chk = "Connection refused";
  down.chkfail = 3;
  down.chkdown = 1;
  down.downtime = 75;
  down.wredis = 4;
  Row backend = server("BACKEND", "UP");
  backend.type = Row::kBackend;
  backend.check_status.clear();
  backend.act = 2;
  Row shaky = server("web3", "UP 2/3"), plain = server("web4", "no check");
  plain.check_status.clear();
  plain.lastchg.reset();
  return {frontend, down, server("web2", "UP"), shaky, plain, backend};
}

std::string page(const std::vector<Row>& rows, const Facts& about = facts()) {
  std::string out;
  append_page(out, about, rows);
  return out;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

TEST(Page, TellsWhichProcessOnWhichNodeAnswers) {
  const std::string html = page(farm());
  EXPECT_TRUE(has(html, "<h2>Statistics Report for pid 8038 on hap1</h2>"));
  EXPECT_TRUE(has(html, "<title>Statistics Report for pid 8038 on hap1</title>"));
  EXPECT_TRUE(has(html, "up <b>3h12m</b>"));
}

TEST(Page, ColoursServersByTheirState) {
  const std::string html = page(farm());
  EXPECT_TRUE(has(html, "<tr class=\"down\"><th scope=\"row\">web1</th>"));
  EXPECT_TRUE(has(html, "<tr class=\"up\"><th scope=\"row\">web2</th>"));
  EXPECT_TRUE(has(html, "<tr class=\"change\"><th scope=\"row\">web3</th>"));
  EXPECT_TRUE(has(html, "<tr class=\"blind\"><th scope=\"row\">web4</th>"));
  EXPECT_TRUE(has(html, "<tr class=\"up total\"><th scope=\"row\">Backend</th>"));
}

TEST(Page, HasAColourForEveryState) {
  for (const auto& [status, colour] : {std::pair{"UP", "up"},
                                       {"UP 2/3", "change"},
                                       {"DOWN 1/2", "change"},
                                       {"DOWN", "down"},
                                       {"DOWN (agent)", "down"},
                                       {"NOLB", "leave"},
                                       {"NOLB 1/3", "leave"},
                                       {"DRAIN", "leave"},
                                       {"DRAIN (agent)", "leave"},
                                       {"MAINT", "maint"},
                                       {"MAINT (via b/s)", "maint"},
                                       {"no check", "blind"},
                                       {"STOP", "down"},
                                       {"FULL", "down"},
                                       {"PAUSED", "down"},
                                       {"OPEN", "up"}})
    EXPECT_TRUE(has(page({server("s", status)}),
                    fmt::format("<tr class=\"{}\"><th scope=\"row\">s</th>", colour)))
        << status;
  Row backup = server("s", "UP");
  backup.act = 0;
  backup.bck = 1;
  EXPECT_TRUE(has(page({backup}), "<tr class=\"spare\">"));
}

TEST(Page, ShowsWhatAnAgentSaysWhereNothingElseIsAsked) {
  Row row = server("s", "DOWN (agent)");
  row.check_status.clear();
  row.agent_status = "L7STS";
  row.agent_code = 0;
  row.agent_duration = 2;
  row.agent_desc = "Layer7 wrong status";
  row.last_agt = "via agent : down (too hot)";
  EXPECT_TRUE(has(page({row}),
                  "title=\"Layer7 wrong status: via agent : down (too hot)\">agent\u00a0L7STS/0"));
}

TEST(Page, CountsWhatTrafficHasShownBesideFailedChecks) {
  Row row = server("s", "UP");
  row.chkfail = 1234;
  EXPECT_TRUE(has(page({row}), "<td>1&#8239;234</td>"));
  row.hanafail = 2;
  EXPECT_TRUE(has(page({row}), ">1&#8239;234/2</td>"));
}

TEST(Page, HasOneTableAProxyWithAsManyCellsAsColumns) {
  const std::string html = page(farm());
  const auto count = [&](std::string_view part) {
    std::size_t n = 0;
    for (auto at = html.find(part); at != html.npos; at = html.find(part, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count("<table>"), 2u);
  EXPECT_EQ(count("</table>"), 2u);
  EXPECT_EQ(count("<th scope=\"col\">"), 2u * 30);
  EXPECT_EQ(count("<td"), 6u * 30);
  EXPECT_EQ(count("</td>"), 6u * 30);
}

TEST(Page, ShowsTheLastCheckAndWhyItFailed) {
  const std::string html = page(farm());
  EXPECT_TRUE(has(html, ">L7OK/200\u00a0in\u00a01ms</td>"));
  EXPECT_TRUE(has(
      html, "title=\"Layer4 connection problem: Connection refused\">L4CON\u00a0in\u00a01ms</td>"));
  EXPECT_TRUE(has(html, ">1m15s DOWN</td>"));
}

TEST(Page, LinksToTheCsv) {
  EXPECT_TRUE(has(page(farm()), "<a href=\"/haproxy?stats;csv\">"));
}

TEST(Page, NeedsNoScript) {
  EXPECT_FALSE(has(page(farm()), "<script"));
}

TEST(Page, EscapesEverythingForeign) {
  Row row = server("<b>\"x\"</b>", "UP");
  row.pxname = "<script>";
  row.last_chk = "'\"><img>\n";
  Facts about = facts();
  about.node = "<i>";
  about.uri = "/\"><x>";
  const std::string html = page({row}, about);
  for (const char* evil : {"<script", "<b>\"", "<img", "<i>", "<x>", "'\""})
    EXPECT_FALSE(has(html, evil)) << evil;
  EXPECT_TRUE(has(html, "&lt;script&gt;"));
}

TEST(Page, IsAPageEvenWithoutAFarm) {
  EXPECT_TRUE(has(page({}), "</html>"));
}

TEST(Page, KnowsWhatIsAskedForAfterThePrefix) {
  EXPECT_EQ(page_for(""), PageKind::Html);
  EXPECT_EQ(page_for(";csv"), PageKind::Csv);
  EXPECT_EQ(page_for(";norefresh"), PageKind::Html);
  EXPECT_EQ(page_for(";csv;norefresh"), PageKind::Csv);
  EXPECT_EQ(page_for(";norefresh;csv"), PageKind::Csv);
  EXPECT_EQ(page_for(";json"), PageKind::Json);
  EXPECT_EQ(page_for(";json;norefresh"), PageKind::Json);
  EXPECT_EQ(page_for(";csvx"), PageKind::Html);
  EXPECT_EQ(page_for("/"), PageKind::Html);
  EXPECT_EQ(page_for("?a=1"), PageKind::Html);
  EXPECT_EQ(page_for("&a=;csv"), PageKind::Html);
  EXPECT_EQ(page_for("vc/api"), std::nullopt);
  EXPECT_EQ(page_for("-old"), std::nullopt);
}

}  // namespace
}  // namespace hapair::admin
