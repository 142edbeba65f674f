// The seeds with an election load on both nodes.
#include <gtest/gtest.h>

#include "vrrp/config/loader.h"

namespace hapair::vrrp {
namespace {

std::optional<Config> load(const std::string& file, std::string_view node) {
  Diagnostics found;
  const std::vector<std::string> files = {HAPAIR_ETC "/" + file};
  auto config = load_config(load_document(files, node, found), found);
  EXPECT_EQ(found.to_string(), "");
  return config;
}

TEST(Seeds, Seed002Loads) {
  for (const char* node : {"hap1", "hap2"}) EXPECT_TRUE(load("seed-002-pair.toml", node));
}

TEST(Seeds, Seed004MailsItsAlerts) {
  for (const char* node : {"haproxy01", "haproxy02"}) {
    const auto config = load("seed-004-active-passive.toml", node);
    ASSERT_TRUE(config);
    ASSERT_TRUE(config->mail);
    EXPECT_EQ(config->mail->to, std::vector<std::string>{"alerts@cloudadmins.org"});
    EXPECT_EQ(config->mail->from, "hapair@haproxy01.cloudadmins.org");
    EXPECT_EQ(config->mail->host, "10.1.1.25");
    EXPECT_TRUE(config->instances.at(0).notify.mail);
  }
}

}  // namespace
}  // namespace hapair::vrrp
