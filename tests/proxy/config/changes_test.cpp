#include "proxy/config/changes.h"

#include <gtest/gtest.h>

#include "proxy/config/loader.h"

namespace hapair::proxy {
namespace {

Config config(std::string_view text) {
  Diagnostics diagnostics;
  const ConfigDocument document = parse_document(text, "test.toml", "", diagnostics);
  auto loaded = load_config(document, diagnostics);
  EXPECT_TRUE(loaded) << diagnostics.to_string();
  return loaded ? *loaded : Config{};
}

constexpr std::string_view kPlain = R"(
[global]
workers = 2
[frontend.web]
bind = ["127.0.0.1:80", "127.0.0.1:81"]
default_backend = "app"
[backend.app]
server = [
  { name = "a", address = "10.0.0.1:80" },
  { name = "b", address = "10.0.0.2:80", weight = 5 },
]
)";

/// kPlain with one piece of it replaced.
Config with(std::string_view piece, std::string_view other) {
  std::string text(kPlain);
  const auto at = text.find(piece);
  EXPECT_NE(at, text.npos) << piece;
  return config(text.replace(at, piece.size(), other));
}

using Kept = std::vector<std::optional<std::size_t>>;
using Kind = ServerChange::Kind;

TEST(Changes, AFileThatStaysTheSameChangesNothing) {
  Config after = config(kPlain);
  EXPECT_EQ(kept_sockets(config(kPlain), after), (Kept{0, 1}));
  EXPECT_TRUE(changed_servers(config(kPlain), after).empty());
  EXPECT_TRUE(keep_fixed(config(kPlain), after).empty());
}

TEST(Changes, ASocketStaysWhereverItsAddressStandsNow) {
  const Config after = config(R"(
[frontend.other]
bind = ["127.0.0.1:82", "127.0.0.1:81"]
default_backend = "app"
[frontend.web]
bind = ["127.0.0.1:80"]
default_backend = "app"
[backend.app]
server = [{ name = "a", address = "10.0.0.1:80" }]
)");
  EXPECT_EQ(listeners_of(after), (std::vector<ListenerPlace>{{0, 0}, {0, 1}, {1, 0}}));
  EXPECT_EQ(kept_sockets(config(kPlain), after), (Kept{std::nullopt, 1, 0}));
}

TEST(Changes, AnotherPortIsAnotherSocket) {
  EXPECT_EQ(kept_sockets(config(kPlain), with("127.0.0.1:80", "127.0.0.1:8080")),
            (Kept{std::nullopt, 1}));
}

TEST(Changes, ASocketsFileMayChangeItsRights) {
  const auto unix_at = [](std::string_view rest) {
    return with("\"127.0.0.1:81\"", fmt::format("{{ address = \"unix:/run/x\", {} }}", rest));
  };
  EXPECT_EQ(kept_sockets(unix_at("mode = \"0600\""), unix_at("mode = \"0666\", group = \"web\"")),
            (Kept{0, 1}));
  EXPECT_EQ(kept_sockets(unix_at("backlog = 5"), unix_at("backlog = 6")), (Kept{0, 1}));
  EXPECT_EQ(kept_sockets(config(kPlain),
                         with("\"127.0.0.1:81\"", "{ address = \"127.0.0.1:81\", backlog = 6 }")),
            (Kept{0, std::nullopt}));
}

TEST(Changes, ControlSocketsAndLogTargetsMayChange) {
  Config after = with("workers = 2",
                      "workers = 2\ncontrol = [{ bind = \"/run/c\" }]\nlog = [{ target = "
                      "\"udp:127.0.0.1:514\" }]");
  EXPECT_TRUE(keep_fixed(config(kPlain), after).empty());
  EXPECT_EQ(after.global.control.size(), 1u);
  EXPECT_EQ(after.global.log.size(), 1u);
}

TEST(Changes, ServersComeAndGoByName) {
  const Config after = with(R"({ name = "a", address = "10.0.0.1:80" })",
                            R"({ name = "c", address = "10.0.0.1:80" })");
  EXPECT_EQ(changed_servers(config(kPlain), after),
            (std::vector<ServerChange>{{Kind::Added, "app", "c"}, {Kind::Removed, "app", "a"}}));
}

TEST(Changes, AnotherAddressIsAnotherServer) {
  EXPECT_EQ(changed_servers(config(kPlain), with("10.0.0.2:80", "10.0.0.2:81")),
            (std::vector<ServerChange>{{Kind::Moved, "app", "b"}}));
}

TEST(Changes, OtherSettingsAreAppliedToTheSameServer) {
  for (const std::string_view other :
       {"weight = 6", "weight = 5, maxconn = 7", "weight = 5, check = true"})
    EXPECT_EQ(changed_servers(config(kPlain), with("weight = 5", other)),
              (std::vector<ServerChange>{{Kind::Changed, "app", "b"}}))
        << other;
}

TEST(Changes, TheOrderOfTheServersIsNoChangeOfAny) {
  const Config after = config(R"(
[frontend.web]
bind = ["127.0.0.1:80"]
default_backend = "app"
[backend.app]
server = [
  { name = "b", address = "10.0.0.2:80", weight = 5 },
  { name = "a", address = "10.0.0.1:80" },
]
)");
  EXPECT_TRUE(changed_servers(config(kPlain), after).empty());
}

TEST(Changes, ABackendThatChangesItsModeHasNewServers) {
  std::string tcp(kPlain);
  for (const std::string_view section : {"[frontend.web]\n", "[backend.app]\n"})
    tcp.insert(tcp.find(section) + section.size(), "mode = \"tcp\"\n");
  EXPECT_EQ(changed_servers(config(kPlain), config(tcp)),
            (std::vector<ServerChange>{{Kind::Added, "app", "a"},
                                       {Kind::Added, "app", "b"},
                                       {Kind::Removed, "app", "a"},
                                       {Kind::Removed, "app", "b"}}));
}

TEST(Changes, WhatARunningProcessCannotChangeIsNamedAndKept) {
  Config after = with("workers = 2",
                      "workers = 3\npidfile = \"/run/x\"\nuser = \"u\"\ngroup = \"g\"\n"
                      "chroot = \"/srv\"\nmaxconn = 7");
  EXPECT_EQ(keep_fixed(config(kPlain), after),
            (std::vector<std::string>{"global.workers", "global.pidfile", "global.user",
                                      "global.group", "global.chroot"}));
  EXPECT_EQ(after.global.workers, 2u);
  EXPECT_EQ(after.global.pidfile, "");
  EXPECT_EQ(after.global.identity.user, "");
  EXPECT_EQ(after.global.maxconn, 7u);
}

}  // namespace
}  // namespace hapair::proxy
