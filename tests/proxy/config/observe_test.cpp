// What traffic and state do to servers: observe, on_error.
#include <gtest/gtest.h>

#include "common/config_reader.h"
#include "proxy/config/loader.h"

namespace hapair::proxy {
namespace {

/// One backend with two servers; tests say what stands in it and in its servers.
std::string document(std::string_view mode, std::string_view defaults, std::string_view backend,
                     std::string_view first, std::string_view second) {
  return fmt::format(R"([defaults]
timeout = {{ connect = "5s", client = "50s", server = "40s" }}
{}
[listen.app]
mode = "{}"
bind = "*:80"
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
                     defaults, mode, backend, first, second);
}

std::pair<std::optional<Config>, std::string> load(const std::string& text) {
  Diagnostics found;
  const auto document = parse_document(text, "t.toml", "", found);
  auto config = load_config(document, found);
  return {std::move(config), found.to_string()};
}

std::vector<Observe> observing(const std::string& text) {
  const auto [config, complaints] = load(text);
  EXPECT_TRUE(config) << complaints;
  std::vector<Observe> found;
  if (config)
    for (const Server& server : config->backends.back().servers) found.push_back(server.observe);
  return found;
}

using Layer = Observe::Layer;
using OnError = Observe::OnError;

TEST(ObserveConfig, NobodyLooksUnlessAsked) {
  const auto plain = observing(document("http", "", "check = true", "", ""));
  EXPECT_EQ(plain[0], Observe{});
  EXPECT_EQ(plain[0].layer, Layer::None);
  EXPECT_EQ(plain[0].error_limit, 10U);
  EXPECT_EQ(plain[0].on_error, OnError::FailCheck);
}

TEST(ObserveConfig, AServersKeysLieOverItsBackendsAndThoseOverTheDefaults) {
  const auto servers = observing(document("http", "error_limit = 7\ncheck = true",
                                          "observe = \"layer7\"\non_error = \"mark-down\"", "",
                                          "observe = \"layer4\"\nerror_limit = 2"));
  EXPECT_EQ(servers[0], (Observe{Layer::Seven, 7, OnError::MarkDown}));
  EXPECT_EQ(servers[1], (Observe{Layer::Four, 2, OnError::MarkDown}));
}

TEST(ObserveConfig, EveryPenaltyHasItsWord) {
  for (const auto& [word, penalty] : {std::pair{"fastinter", OnError::ProbeSooner},
                                      {"fail-check", OnError::FailCheck},
                                      {"sudden-death", OnError::SuddenDeath},
                                      {"mark-down", OnError::MarkDown}}) {
    const auto servers = observing(
        document("http", "", "check = { fast_interval = \"100ms\" }\nobserve = \"layer7\"",
                 fmt::format("on_error = \"{}\"", word), ""));
    EXPECT_EQ(servers[0].on_error, penalty) << word;
  }
}

TEST(ObserveConfig, WhatABackendSaysIsForItsServersWithAnOwnCheck) {
  const auto servers =
      observing(document("http", "", "check = true\nobserve = \"layer7\"", "check = false",
                         "track = \"other/o1\"") +
                "[backend.other]\n[[backend.other.server]]\nname = \"o1\"\naddress = "
                "\"10.0.0.3:80\"\ncheck = true\n");
  EXPECT_EQ(servers[0], Observe{});
  EXPECT_EQ(servers[1], Observe{});
}

TEST(ObserveConfig, AServerMayStandAside) {
  const auto servers = observing(
      document("http", "", "check = true\nobserve = \"layer7\"", "observe = \"none\"", ""));
  EXPECT_EQ(servers[0].layer, Layer::None);
  EXPECT_EQ(servers[1].layer, Layer::Seven);
}

TEST(ObserveConfig, InTcpModeTheDefaultsMeanConnections) {
  EXPECT_EQ(observing(document("tcp", "observe = \"layer7\"", "check = true", "", ""))[0].layer,
            Layer::Four);
}

struct Case {
  std::string_view mode, backend, server;
  std::string_view said;
};
class ObserveMistake : public testing::TestWithParam<Case> {};

TEST_P(ObserveMistake, IsTold) {
  const auto [config, complaints] =
      load(document(GetParam().mode, "", GetParam().backend, GetParam().server, ""));
  EXPECT_NE(complaints.find(GetParam().said), complaints.npos) << complaints;
}

INSTANTIATE_TEST_SUITE_P(
    All, ObserveMistake,
    testing::Values(
        Case{"http", "check = true\nobserve = \"layer3\"", "",
             "t.toml:8:11: error: unknown observe"},
        Case{"http", "", "observe = \"layer4\"",
             "t.toml:11:11: error: traffic decides beside a check, and this server has none"},
        Case{"http", "check = true", "error_limit = 5",
             "t.toml:11:15: error: error_limit means nothing without observe"},
        Case{"http", "check = true", "on_error = \"mark-down\"",
             "t.toml:11:12: error: on_error means nothing without observe"},
        Case{"http", "check = true", "observe = \"layer4\"\nerror_limit = 0",
             "t.toml:12:15: error: error_limit is 0, out of range"},
        Case{"http", "check = true", "observe = \"layer4\"\non_error = \"markdown\"",
             "did you mean \"mark-down\"?"},
        Case{"tcp", "check = true\nobserve = \"layer7\"", "",
             "t.toml:8:11: error: observe \"layer7\" needs mode \"http\""},
        Case{"tcp", "check = true", "observe = \"layer7\"",
             "t.toml:11:11: error: observe \"layer7\" needs mode \"http\""},
        Case{"http", "observe = \"layer7\"", "",
             "t.toml:7:11: warning: traffic decides beside checks, and no server here has one"},
        Case{"http", "check = true\nobserve = \"layer7\"\non_error = \"fastinter\"", "",
             "t.toml:9:12: warning: on_error \"fastinter\" does nothing for server \"s1\", whose "
             "check "
             "has no fast_interval"}));

}  // namespace
}  // namespace hapair::proxy
