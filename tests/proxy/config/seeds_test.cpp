// Every configuration of etc/ loads, or says exactly which words this build does not know yet.
#include <gtest/gtest.h>

#include "proxy/config/loader.h"

namespace hapair::proxy {
namespace {

/// "LINE:COLUMN message", a line each.
std::string complaints(const std::string& file, std::string_view node) {
  Diagnostics found;
  const std::vector<std::string> files = {HAPAIR_ETC "/" + file};
  const auto document = load_document(files, node, found);
  load_config(document, found);
  std::string out;
  for (const Diagnostic& diagnostic : found.sorted())
    out += fmt::format("{}:{} {}\n", diagnostic.where.line, diagnostic.where.column,
                       diagnostic.message);
  return out;
}

TEST(Seeds, TheRecommendedPairWaitsForTls) {
  for (const char* node : {"hap1", "hap2"})
    EXPECT_EQ(complaints("hapair.toml", node), "23:38 tls: known, but not built yet\n");
}

TEST(Seeds, Seed000Loads) {
  EXPECT_EQ(complaints("seed-000-images-sessions.toml", "any"), "");
}

TEST(Seeds, Seed001Loads) { EXPECT_EQ(complaints("seed-001-farm.toml", "any"), ""); }

TEST(Seeds, Seed002LoadsOnBothNodes) {
  for (const char* node : {"hap1", "hap2"}) EXPECT_EQ(complaints("seed-002-pair.toml", node), "");
}

TEST(Seeds, Seed003Loads) { EXPECT_EQ(complaints("seed-003-stickiness.toml", "any"), ""); }

TEST(Seeds, Seed004LoadsOnBothNodes) {
  for (const char* node : {"haproxy01", "haproxy02"})
    EXPECT_EQ(complaints("seed-004-active-passive.toml", node), "");
}

TEST(Seeds, Seed002MeansWhatItSays) {
  Diagnostics found;
  const std::vector<std::string> files = {HAPAIR_ETC "/seed-002-pair.toml"};
  const auto config = load_config(load_document(files, "hap2", found), found);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->node, "hap2");
  EXPECT_EQ(config->global.maxconn, 2000U);
  ASSERT_EQ(config->global.log.size(), 2U);
  EXPECT_EQ(config->global.log[0].facility, 16);
  EXPECT_EQ(config->global.log[1].level, Severity::Notice);
  const Frontend& frontend = config->frontends.at(0);
  EXPECT_EQ(frontend.name, "http-in");
  EXPECT_FALSE(frontend.log_null);
  const Backend& backend = config->backends.at(0);
  EXPECT_EQ(backend.connection, ConnectionMode::ServerClose);
  EXPECT_TRUE(backend.forwarded_for);
  EXPECT_EQ(backend.stats->uri, "/haproxy?stats");
  EXPECT_EQ(backend.stats->users.at(0).name, "admin");
  EXPECT_EQ(backend.servers.at(1).address.to_string(), "192.168.50.22:80");
  EXPECT_EQ(backend.servers[1].maxconn, 32U);
  EXPECT_EQ(backend.servers[1].check->method, "OPTIONS");
}

}  // namespace
}  // namespace hapair::proxy
