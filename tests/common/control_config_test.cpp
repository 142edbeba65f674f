#include "common/control_config.h"

#include <gtest/gtest.h>

namespace hapair {
namespace {

using namespace std::chrono_literals;
using control::Level;

struct Loaded {
  std::vector<ControlSocket> sockets;
  std::string complaints;
};

Loaded load(std::string_view tables, std::string_view group = "") {
  Diagnostics found;
  const auto document = parse_document(tables, "t.toml", "", found);
  TableReader root(document.root, "", found);
  auto global = root.table("global");
  Loaded loaded;
  if (global) loaded.sockets = read_control_sockets(*global, group);
  loaded.complaints = found.to_string();
  return loaded;
}

std::string control(std::string_view keys) {
  return "[global]\n[[global.control]]\n" + std::string(keys);
}

TEST(ControlConfig, HasCautiousDefaults) {
  const Loaded loaded = load(control("bind = \"/run/hapair/proxy.sock\"\n"), "hapair");
  EXPECT_EQ(loaded.complaints, "");
  ASSERT_EQ(loaded.sockets.size(), 1u);
  EXPECT_EQ(loaded.sockets[0], (ControlSocket{.path = "/run/hapair/proxy.sock",
                                              .level = Level::Operator,
                                              .mode = 0660,
                                              .group = "hapair",
                                              .timeout = 10s}));
}

TEST(ControlConfig, AdvisesASocketOfTheDaemonWhoseItIs) {
  Diagnostics found;
  const auto document = parse_document("[[vrrp.control]]\nbind = \"0.0.0.0:1\"\n[[vrrp.control]]\n",
                                       "t.toml", "", found);
  TableReader root(document.root, "", found);
  auto vrrp = root.table("vrrp");
  EXPECT_TRUE(read_control_sockets(*vrrp, "").empty());
  EXPECT_NE(found.to_string().find("bind = \"unix:/run/hapair/vrrp.sock\""), std::string::npos)
      << found.to_string();
}

TEST(ControlConfig, ReadsSeveralSockets) {
  const Loaded loaded = load(control(R"(bind = "unix:/run/a.sock"
level = "admin"
mode = "0600"
user = "root"
group = "adm"
timeout = "30s"
[[global.control]]
bind = "127.0.0.1:9999"
level = "user"
)"));
  EXPECT_EQ(loaded.complaints, "");
  ASSERT_EQ(loaded.sockets.size(), 2u);
  EXPECT_EQ(loaded.sockets[0],
            (ControlSocket{.path = "/run/a.sock",
                           .level = Level::Admin,
                           .mode = 0600,
                           .user = "root",
                           .group = "adm",
                           .timeout = 30s}));
  EXPECT_EQ(loaded.sockets[1].name(), "127.0.0.1:9999");
  EXPECT_EQ(loaded.sockets[1].level, Level::User);
  EXPECT_EQ(load("[global]\n").sockets.size(), 0u);
}

struct Mistake {
  std::string_view keys, place, message, hint;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.keys; }

class ControlConfigMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(ControlConfigMistakes, AreToldWithPlaceAndRemedy) {
  const auto& [keys, place, message, hint] = GetParam();
  const std::string told = load(control(keys)).complaints;
  EXPECT_NE(told.find("t.toml:" + std::string(place) + ": error: "), told.npos) << told;
  EXPECT_NE(told.find(message), told.npos) << told;
  EXPECT_NE(told.find(hint), told.npos) << told;
}

INSTANTIATE_TEST_SUITE_P(
    All, ControlConfigMistakes,
    testing::Values(
        Mistake{"level = \"admin\"\n", "2:1", "a control socket needs a place", "proxy.sock"},
        Mistake{"bind = \"proxy.sock\"\n", "3:8", "neither a Unix socket nor an address", "unix:"},
        Mistake{"bind = \"unix:proxy.sock\"\n", "3:8", "not the absolute path", "unix:/run"},
        Mistake{"bind = \"unix:/run/\"\n", "3:8", "not the absolute path", "unix:/run"},
        Mistake{"bind = \"unix:/"
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                "aaaaaaaaaaaaaaaaaaaaaaaaaa\"\n",
                "3:8", "has 108 bytes, and a Unix socket's can have 107", "shorter"},
        Mistake{"bind = \"192.168.1.1:9999\"\n", "3:8", "can be reached from other machines",
                "loopback"},
        Mistake{"bind = \"*:9999\"\n", "3:8", "can be reached from other machines", "loopback"},
        Mistake{"bind = \"/s\"\nlevel = \"oper\"\n", "4:9", "oper", "operator"},
        Mistake{"bind = \"/s\"\nmode = \"0999\"\n", "4:8", "not a file mode", "0660"},
        Mistake{"bind = \"/s\"\nmode = \"7\"\n", "4:8", "not a file mode", "0660"},
        Mistake{"bind = \"/s\"\nmode = \"4755\"\n", "4:8", "not a file mode", "0660"},
        Mistake{"bind = \"/s\"\nmode = 660\n", "4:8", "mode", ""},
        Mistake{"bind = \"/s\"\nuser = \"a b\"\n", "4:8", "cannot be a user", "hapair"},
        Mistake{"bind = \"/s\"\ngroup = \"\"\n", "4:9", "cannot be a group", "hapair"},
        Mistake{"bind = \"/s\"\ntimeout = \"0s\"\n", "4:11", "timeout", ""},
        Mistake{"bind = \"/s\"\ntimeuot = \"1s\"\n", "4:1", "unknown key 'timeuot'", "timeout"},
        Mistake{"bind = \"127.0.0.1:9\"\nmode = \"0600\"\n", "4:8", "mode is for a Unix socket",
                "leave mode out"},
        Mistake{"bind = \"/s\"\n[[global.control]]\nbind = \"unix:/s\"\n", "5:8",
                "there is a control socket on /s already", "one level"}));

}  // namespace
}  // namespace hapair
