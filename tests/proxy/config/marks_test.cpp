// on_marked_down and on_marked_up.
#include <gtest/gtest.h>

#include "proxy/config/loader.h"

namespace hapair::proxy {
namespace {

std::pair<std::vector<Server>, std::string> load(std::string_view backend, std::string_view first,
                                                 std::string_view second) {
  Diagnostics found;
  const auto config = load_config(parse_document(fmt::format(R"([listen.app]
bind = "*:80"
timeout = {{ connect = "5s", client = "50s", server = "40s" }}
{}
[[listen.app.server]]
name = "s1"
address = "10.0.0.1:80"
{}
[[listen.app.server]]
name = "s2"
address = "10.0.0.2:80"
{}
)",
                                                             backend, first, second),
                                                 "t.toml", "", found),
                                  found);
  return {config ? config->backends[0].servers : std::vector<Server>(2), found.to_string()};
}

TEST(MarksConfig, NothingEndsUnlessAsked) {
  const auto [servers, complaints] = load("", "", "");
  EXPECT_EQ(complaints, "");
  EXPECT_FALSE(servers[0].ends_sessions_when_down || servers[0].ends_backup_sessions_when_up);
}

TEST(MarksConfig, AServersKeysLieOverItsBackends) {
  const auto [servers, complaints] =
      load("on_marked_down = \"shutdown-sessions\"\non_marked_up = \"shutdown-backup-sessions\"",
           "on_marked_down = \"none\"", "backup = true");
  EXPECT_EQ(complaints, "");
  EXPECT_FALSE(servers[0].ends_sessions_when_down);
  EXPECT_TRUE(servers[0].ends_backup_sessions_when_up);
  EXPECT_TRUE(servers[1].ends_sessions_when_down);
}

TEST(MarksConfig, MistakesAreTold) {
  EXPECT_NE(load("", "on_marked_down = \"shutdown-session\"", "")
                .second.find("did you mean \"shutdown-sessions\"?"),
            std::string::npos);
  EXPECT_NE(load("", "backup = true\non_marked_up = \"shutdown-backup-sessions\"", "")
                .second.find("t.toml:9:16: error: it is for those that a backup stands in for"),
            std::string::npos);
}

}  // namespace
}  // namespace hapair::proxy
