// What a backend or a server says over [defaults], its backend, and what a node says over the file.
#include <gtest/gtest.h>

#include "tests/proxy/config/one_backend.h"

namespace hapair::proxy {
namespace {

using Algorithm = Balance::Algorithm;
using namespace std::chrono_literals;

/// `defaults` (line 4) for a backend with `keys` (line 6), and a server with `of_server` (line 10).
std::string file(std::string_view defaults, std::string_view keys,
                 std::string_view of_server = "") {
  return fmt::format(R"([node.hap1]
[defaults]
timeout = {{ connect = "5s", client = "50s", server = "40s" }}
{}
[listen.web]
{}
bind = "*:80"
[[listen.web.server]]
name = "web1"
{}
address = "10.0.0.1:80"
)",
                     defaults, keys, of_server);
}

TEST(Overlay, AnotherAlgorithmBeginsAnew) {
  const auto balance = [](std::string_view defaults, std::string_view own) {
    return load(file(fmt::format("balance = {}", defaults), fmt::format("balance = {}", own)))
        .balance;
  };
  const Balance by_header = balance("{ url_param = \"user\" }", "{ header = \"X-T\" }");
  EXPECT_EQ(by_header.algorithm, Algorithm::Header);
  EXPECT_EQ(by_header.key.name, "X-T");
  EXPECT_EQ(balance("{ algorithm = \"uri\", depth = 2 }", "{ header = \"X-T\" }").algorithm,
            Algorithm::Header);
  EXPECT_EQ(balance("{ random = 3 }", "{ hash = \"source\" }").algorithm, Algorithm::Hash);
  const Balance by_source =
      balance("{ hash = \"header:X\", occurrence = -1, mask = 8 }", "{ algorithm = \"source\" }");
  EXPECT_EQ(by_source.algorithm, Algorithm::Source);
  EXPECT_EQ(by_source.key.mask, BalanceKey{}.mask);
}

TEST(Overlay, DetailsLieOverTheSameAlgorithm) {
  const Balance balance = load(file("balance = { algorithm = \"source\", mask = 8, mask6 = 48 }",
                                    "balance = { mask = 16 }"))
                              .balance;
  EXPECT_EQ(balance.algorithm, Algorithm::Source);
  EXPECT_EQ(balance.key.mask, 16U);
  EXPECT_EQ(balance.key.mask6, 48U);
}

TEST(Overlay, ANodesAlgorithmBeginsAnewToo) {
  const std::string over = "[node.hap1.listen.web]\nbalance = { header = \"X-T\" }\n";
  EXPECT_EQ(load(file("", "balance = { random = 3 }") + over).balance.algorithm, Algorithm::Header);
  EXPECT_EQ(load(file("balance = { random = 3 }", "") + over).balance.algorithm, Algorithm::Header);
  // A section's own say is above [defaults], and were it a node's.
  EXPECT_EQ(load(file("", "balance = { random = 3 }") +
                 "[node.hap1.defaults]\nbalance = { header = \"X-T\" }\n")
                .balance.algorithm,
            Algorithm::Random);
}

TEST(Overlay, OneTableNamesOneAlgorithm) {
  EXPECT_EQ(
      complaints(file("", "balance = { random = 2, header = \"X-T\" }")),
      "6:25 balance has one algorithm: this has random and header -> leave out one of them\n");
  EXPECT_EQ(
      complaints(file("", "balance = { algorithm = \"uri\", hash = \"path\" }")),
      "6:32 balance has one algorithm: this has algorithm and hash -> leave out one of them\n");
}

TEST(Overlay, AnotherCookieModeDropsWhatIsSaidOfOurCookie) {
  const std::string defaults =
      "cookie = { name = \"S\", mode = \"insert\", indirect = true, max_life = \"8h\", "
      "domain = \".a.org\" }";
  for (const std::string_view mode : {"prefix", "rewrite"}) {
    const auto cookie =
        load(file(defaults, fmt::format("cookie = {{ mode = \"{}\" }}", mode), "cookie = \"S1\""))
            .cookie;
    ASSERT_TRUE(cookie);
    EXPECT_EQ(cookie->name, "S");
    EXPECT_FALSE(cookie->indirect || cookie->dated());
    EXPECT_TRUE(cookie->domains.empty());
  }
  EXPECT_TRUE(load(file("", "cookie = { name = \"S\", mode = \"prefix\", indirect = false }",
                        "cookie = \"S1\""))
                  .cookie);
  EXPECT_NE(complaints(
                file(defaults, "cookie = { mode = \"prefix\", nocache = true }", "cookie = \"S1\""))
                .find("6:39 nocache needs mode \"insert\""),
            std::string::npos);
}

TEST(Overlay, ABackendSwitchesAnInheritedCookieOff) {
  const std::string defaults = "cookie = { name = \"S\", mode = \"insert\" }";
  EXPECT_FALSE(load(file(defaults, "cookie = false")).cookie);
  EXPECT_EQ(complaints(file("", "cookie = true")),
            "6:10 cookie must be a table or false, not true or false -> cookie = { name = "
            "\"SRVNAME\", mode = \"insert\" }\n");
}

TEST(Overlay, WhoIsNearerTheServerSaysWhichCheckItIs) {
  const auto check = [](std::string_view defaults, std::string_view of_backend,
                        std::string_view of_server) {
    const auto server = load(file(defaults, of_backend, of_server)).servers.at(0);
    EXPECT_TRUE(server.check);
    return server.check.value_or(Check{});
  };
  const std::string script = "check = { interval = \"7s\", steps = [ { send = \"PING\" } ] }";
  const Check http = check(script, "check = { request = \"GET /x\" }", "");
  EXPECT_EQ(http.type, Check::Type::Http);
  EXPECT_EQ(http.target, "/x");
  EXPECT_EQ(http.interval, 7s);
  EXPECT_TRUE(http.steps.empty());
  EXPECT_EQ(check("", script, "check = { request = \"GET /x\" }").type, Check::Type::Http);
  EXPECT_EQ(check("", "check = { request = \"GET /x\" }", script).type, Check::Type::Script);
  EXPECT_EQ(check("check = { type = \"tcp\" }", "check = { request = \"GET /x\" }", "").type,
            Check::Type::Http);
  EXPECT_EQ(check("check = { type = \"mysql\", user = \"u\" }", script, "").type,
            Check::Type::Script);
  EXPECT_EQ(load(file("", script) + "[node.hap1.listen.web.check]\nrequest = \"GET /x\"\n")
                .servers.at(0)
                .check->type,
            Check::Type::Http);
  // In one place they contradict one another.
  EXPECT_EQ(complaints(file("", "check = { type = \"tcp\", request = \"GET /x\" }")),
            "6:35 a tcp check has no request -> type = \"http\"\n");
}

TEST(Overlay, ABackendsSourceTakesThePlaceOfTheDefaultOne) {
  const std::string defaults = "source = { address = \"10.0.0.9\", ports = \"10000-20000\" }";
  const Approach approach =
      load(file(defaults, "source = { interface = \"eth1\" }")).servers.at(0).approach;
  EXPECT_EQ(approach.interface, "eth1");
  EXPECT_FALSE(approach.source);
  EXPECT_EQ(approach.first_port, 0);
  EXPECT_EQ(load(file(defaults, "")).servers.at(0).approach.first_port, 10000);
  // A node has its own address and nothing else to say.
  const Approach of_node =
      load(file("", defaults) + "[node.hap1.listen.web]\nsource.address = \"10.0.0.8\"\n")
          .servers.at(0)
          .approach;
  EXPECT_EQ(of_node.source->to_string(), "10.0.0.8");
  EXPECT_EQ(of_node.first_port, 10000);
}

TEST(Overlay, ABackendsSendProxyTakesThePlaceOfTheDefaultOne) {
  const auto said = load(file("send_proxy = { version = \"v2\", crc32c = true }",
                              "send_proxy = { version = \"v1\" }"))
                        .servers.at(0)
                        .send_proxy;
  EXPECT_EQ(said, (SendProxy{SendProxy::Version::V1, false}));
}

TEST(Overlay, TheDefaultMonitorFailIsForThoseThatCanBeAsked) {
  EXPECT_EQ(complaints(file("monitor_fail = \"web\"", "monitor_uri = \"/ready\"")), "");
  EXPECT_EQ(complaints(file("monitor_fail = \"web\"", "")),
            "4:16 nobody could ask: no frontend has a monitor_uri -> monitor_uri = \"/ready\"\n");
  EXPECT_EQ(complaints(file("", "monitor_fail = \"web\"")),
            "6:16 nobody could ask: there is no monitor_uri -> monitor_uri = \"/ready\"\n");
}

}  // namespace
}  // namespace hapair::proxy
