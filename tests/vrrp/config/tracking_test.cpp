#include "vrrp/config/tracking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vrrp/config/loader.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kSections = R"([vrrp]
script_user = "nobody"
[vrrp.script.chk]
command = "/bin/true"
weight = -30
user = "daemon"
init_fail = true
[vrrp.track_file.drain]
path = "/run/hapair/drain"
[vrrp.track_file.site]
path = "/run/hapair/site"
weight = -2
initial = 5
[vrrp.track_process.proxy]
name = "hapair-proxy"
quorum = 2
weight = 10
delay = "1s"
terminate_delay = "200ms"
[vrrp.track_process.dns]
pidfile = "/run/unbound.pid"
[vrrp.instance.VI_1]
interface = "eth1"
virtual_router_id = 51
virtual_addresses = ["192.168.50.10"]
)";

struct Loaded {
  std::optional<Config> config;
  Diagnostics diagnostics;
};

Loaded load(std::string_view lines) {
  Loaded out;
  const auto document =
      parse_document(std::string(kSections) + std::string(lines), "t.toml", "", out.diagnostics);
  out.config = load_config(document, out.diagnostics);
  return out;
}

TEST(Tracking, SectionsAreRead) {
  const auto [config, diagnostics] = load("");
  ASSERT_TRUE(config) << diagnostics.to_string();
  EXPECT_EQ(config->script_user, "nobody");
  EXPECT_EQ(config->script("chk").user, "daemon");
  EXPECT_TRUE(config->script("chk").init_fail);
  EXPECT_EQ(config->track_file("drain"), (TrackFile{.name = "drain", .path = "/run/hapair/drain"}));
  EXPECT_EQ(config->track_file("drain").weight, 1) << "keepalived's default";
  EXPECT_EQ(config->track_file("site").weight, -2);
  EXPECT_EQ(config->track_file("site").initial, 5);
  EXPECT_EQ(config->track_process("proxy"), (TrackProcess{.name = "proxy",
                                                          .process = "hapair-proxy",
                                                          .quorum = 2,
                                                          .delay = 1s,
                                                          .terminate_delay = 200ms,
                                                          .weight = 10}));
  EXPECT_EQ(config->track_process("dns").pidfile, "/run/unbound.pid");
  EXPECT_TRUE(config->instances.at(0).tracked.empty());
  EXPECT_TRUE(config->instances[0].track_own_interface);
}

TEST(Tracking, AnInstanceSaysWhatItMakesOfIt) {
  const auto [config, diagnostics] = load(R"(
track_scripts = [{ name = "chk", weight = -20, reverse = true }]
track_interfaces = ["eth2", { name = "eth3", weight = -10, up_delay = "3s", down_delay = "500ms" }]
track_files = ["drain", { name = "site", weight = 254 }]
track_processes = { name = "dns", weight = 7 }
track_own_interface = false
)");
  ASSERT_TRUE(config) << diagnostics.to_string();
  EXPECT_FALSE(config->instances.at(0).track_own_interface);
  using Kind = TrackerKind;
  EXPECT_THAT(
      config->instances[0].tracked,
      ElementsAre(Tracking{.kind = Kind::Script, .name = "chk", .weight = -20, .reverse = true},
                  Tracking{.kind = Kind::Interface, .name = "eth2"},
                  Tracking{.kind = Kind::Interface,
                           .name = "eth3",
                           .weight = -10,
                           .up_delay = 3s,
                           .down_delay = 500ms},
                  Tracking{.kind = Kind::File, .name = "drain", .weight = 1},
                  Tracking{.kind = Kind::File, .name = "site", .weight = 254},
                  Tracking{.kind = Kind::Process, .name = "dns", .weight = 7}));
}

TEST(Tracking, WeightsAreTheSectionsUnlessAnInstanceSaysOtherwise) {
  const auto config = load(R"(track_scripts = "chk"
track_files = ["site"]
track_processes = ["proxy", { name = "dns", reverse = true }])")
                          .config;
  ASSERT_TRUE(config);
  std::vector<int> weights;
  for (const Tracking& tracking : config->instances.at(0).tracked)
    weights.push_back(tracking.weight);
  EXPECT_THAT(weights, ElementsAre(-30, -2, 10, 0));
}

TEST(Tracking, AllThatIsGoodCountsForThePeersPriority) {
  auto config = load(R"(track_scripts = [{ name = "chk", weight = 3 }]
track_interfaces = [{ name = "eth2", weight = 20 }, { name = "eth3", weight = -9 }]
track_processes = ["proxy"]
track_files = ["drain", { name = "site", weight = 2 }])")
                    .config;
  ASSERT_TRUE(config);
  take_peer_priorities(*config, *config);
  EXPECT_EQ(config->instances.at(0).peer_priority, 100 + 3 + 20 + 10 + 2 * 5);
}

struct Mistake {
  std::string name;
  std::string lines;    // added to the instance, or after it; they begin on line 26
  std::string place;    // "line:column" of the error
  std::string message;  // a part of what is said, hint included
};

void PrintTo(const Mistake& mistake, std::ostream* out) {
  *out << mistake.lines;
}

class TrackingMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(TrackingMistakes, AreToldWithTheirPlaceAndRemedy) {
  const auto [config, diagnostics] = load(GetParam().lines);
  EXPECT_FALSE(config);
  EXPECT_THAT(diagnostics.to_string(), HasSubstr("t.toml:" + GetParam().place + ": error: "));
  EXPECT_THAT(diagnostics.to_string(), HasSubstr(GetParam().message));
  EXPECT_EQ(diagnostics.sorted().size(), 1U) << diagnostics.to_string();
}

INSTANTIATE_TEST_SUITE_P(
    Each, TrackingMistakes,
    ::testing::Values(
        Mistake{"UnknownFile", "track_files = [\"drian\"]", "26:16",
                "there is no [vrrp.track_file.drian]"},
        Mistake{"UnknownProcess", "track_processes = [{ name = \"prox\" }]", "26:29",
                "did you mean \"proxy\"?"},
        Mistake{"Twice", "track_files = [\"drain\", { name = \"drain\" }]", "26:34",
                "listed twice"},
        Mistake{"InterfaceTwice", "track_interfaces = [\"eth2\", \"eth2\"]", "26:29",
                "interface eth2 is listed twice"},
        Mistake{"InterfaceName", "track_interfaces = [\"eth 2\"]", "26:21",
                "as `ip link` shows it"},
        Mistake{"LongInterface", "track_interfaces = [\"averylonginterfacename\"]", "26:21",
                "cannot be an interface"},
        Mistake{"NotAName", "track_files = [3]", "26:16",
                "an item of track_files is a name or a table"},
        Mistake{"NoName", "track_files = [{ weight = 3 }]", "26:16", "without a name"},
        Mistake{"UnknownKey", "track_scripts = [{ name = \"chk\", wieght = 3 }]", "26:34",
                "did you mean \"weight\"?"},
        Mistake{"DelayOfAScript", "track_scripts = [{ name = \"chk\", up_delay = \"3s\" }]",
                "26:34", "unknown key 'up_delay'"},
        Mistake{"ScriptWeight", "track_scripts = [{ name = \"chk\", weight = 254 }]", "26:43",
                "-253 to 253"},
        Mistake{"FileWeight", "track_files = [{ name = \"drain\", weight = 255 }]", "26:43",
                "-254 to 254"},
        Mistake{"NoPath", "[vrrp.track_file.x]", "26:1", "without its path"},
        Mistake{"RelativePath", "[vrrp.track_file.x]\npath = \"drain\"", "27:8",
                "named by its whole path"},
        Mistake{"FolderAsPath", "[vrrp.track_file.x]\npath = \"/run/\"", "27:8",
                "named by its whole path"},
        Mistake{"Initial", "[vrrp.track_file.x]\npath = \"/x\"\ninitial = 2001", "28:11",
                "-2000 to 2000"},
        Mistake{"NoProcess", "[vrrp.track_process.x]", "26:1", "neither a name nor a pidfile"},
        Mistake{"ProcessFolder", "[vrrp.track_process.x]\nname = \"/usr/sbin/nginx\"", "27:8",
                "without a folder"},
        Mistake{"LongProcess", "[vrrp.track_process.x]\nname = \"a-name-of-19-bytes-\"", "27:8",
                "name = \"a-name-of-19-by\""},
        Mistake{"QuorumOfPidfile", "[vrrp.track_process.x]\npidfile = \"/x\"\nquorum = 2", "28:10",
                "a pidfile names one process"},
        Mistake{"QuorumMax", "[vrrp.track_process.x]\nname = \"x\"\nquorum_max = 2", "28:1",
                "quorum_max: not built yet"},
        Mistake{"ScriptUser", "[vrrp.script.x]\ncommand = \"/bin/true\"\nuser = \"\"", "28:8",
                "the user has no name"}),
    [](const auto& mistake) { return mistake.param.name; });

}  // namespace
}  // namespace hapair::vrrp
