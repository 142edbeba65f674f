#include "vrrp/config/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vrrp/config/command_line.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kPair = R"([node.hap1]
address = "192.168.50.11"
vrrp.instance.VI_1 = { priority = 101 }
[node.hap2]
address = "192.168.50.12"
[vrrp.script.chk_haproxy]
command = "/usr/bin/killall -0 hapair-proxy"
interval = "2s"
weight = 2
[vrrp.instance.VI_1]
interface = "eth1"
state = "master"
virtual_router_id = 51
virtual_addresses = ["192.168.50.10"]
track_scripts = ["chk_haproxy"]
)";

struct Loaded {
  std::optional<Config> config;
  Diagnostics diagnostics;
};

Loaded load(std::string_view text, std::string_view node = "hap1") {
  Loaded out;
  const auto document = parse_document(text, "pair.toml", node, out.diagnostics);
  out.config = load_config(document, out.diagnostics);
  return out;
}

/// The pair with one line replaced (or, with an empty `line`, one added at the end).
std::string with(std::string_view line, std::string_view replacement) {
  std::string text(kPair);
  if (line.empty()) return text + std::string(replacement) + "\n";
  const auto at = text.find(line);
  if (at == text.npos) throw std::logic_error("no such line");
  return text.replace(at, line.size(), replacement);
}

VirtualAddress at(std::string_view text) { return {.address = *Cidr::parse(text)}; }

TEST(Loader, ReadsTheSeedsPair) {
  const auto [config, diagnostics] = load(kPair);
  ASSERT_TRUE(config) << diagnostics.to_string();
  EXPECT_EQ(config->source, *IpAddress::parse("192.168.50.11"));
  ASSERT_EQ(config->instances.size(), 1U);
  const Instance& instance = config->instances[0];
  EXPECT_EQ(instance.name, "VI_1");
  EXPECT_EQ(instance.interface, "eth1");
  EXPECT_EQ(instance.state, InitialState::Master);
  EXPECT_EQ(instance.virtual_router_id, 51);
  EXPECT_EQ(instance.priority, 101) << "from the overlay of the node";
  EXPECT_EQ(instance.advert_interval, 1s);
  EXPECT_THAT(instance.virtual_addresses, ElementsAre(at("192.168.50.10/32")));
  EXPECT_EQ(instance.preempt, Preempt::Always);
  EXPECT_EQ(instance.auth.type, Auth::Type::None);
  const Script& script = config->script("chk_haproxy");
  EXPECT_THAT(script.command, ElementsAre("/usr/bin/killall", "-0", "hapair-proxy"));
  EXPECT_EQ(script.interval, 2s);
  EXPECT_EQ(script.timeout, 2s) << "the interval, unless said otherwise";
  EXPECT_EQ(script.weight, 2);
}

TEST(Loader, UsesKeepalivedsDefaults) {
  const auto [config, diagnostics] = load(kPair, "hap2");
  ASSERT_TRUE(config) << diagnostics.to_string();
  EXPECT_EQ(config->instances[0].priority, 100);
  EXPECT_FALSE(config->instances[0].is_closed());
  const Announcements& garp = config->instances[0].announcements;
  EXPECT_EQ(garp.repeat, 5);
  EXPECT_EQ(garp.delay, 5s);
  EXPECT_EQ(garp.refresh, 0s);
}

TEST(Loader, ReadsVersion3) {
  const auto [config, diagnostics] = load(R"(
[vrrp.instance.web]
version = 3
interface = "auto"
virtual_router_id = 51
advert_interval = "100ms"
longest_adopted_interval = "2s"
checksum = "plain"
virtual_addresses = ["10.0.0.1"]
)",
                                          "");
  ASSERT_TRUE(config) << diagnostics.to_string();
  const Instance& instance = config->instances.at(0);
  EXPECT_EQ(instance.version, 3);
  EXPECT_EQ(instance.interface, "auto");
  EXPECT_EQ(instance.advert_interval, 100ms);
  EXPECT_EQ(instance.longest_adopted, 2s);
  EXPECT_EQ(instance.checksum, ChecksumChoice::Plain);
}

TEST(Loader, ReadsEveryKey) {
  const auto [config, diagnostics] = load(R"(
[vrrp.script.disk]
command = ["/bin/sh", "-c", "df / | grep -q 9"]
interval = "500ms"
timeout = "200ms"
rise = 2
fall = 3
weight = -20
[vrrp.instance.web]
version = 2
interface = "bond0"
state = "backup"
virtual_router_id = 255
priority = 255
advert_interval = "3s"
virtual_addresses = ["10.0.0.1/24", "10.0.0.2"]
track_scripts = "disk"
preempt = "never"
accept = false
auth = { type = "pass", password = "secret" }
garp = { repeat = 3, delay = "0s", refresh = "1m", refresh_repeat = 2 }
)",
                                          "");
  ASSERT_TRUE(config) << diagnostics.to_string();
  const Script& script = config->scripts.at(0);
  EXPECT_THAT(script.command, ElementsAre("/bin/sh", "-c", "df / | grep -q 9"));
  EXPECT_EQ(script.timeout, 200ms);
  EXPECT_EQ(script.rise, 2);
  EXPECT_EQ(script.fall, 3);
  const Instance& instance = config->instances.at(0);
  EXPECT_FALSE(config->source);
  EXPECT_EQ(instance.preempt, Preempt::Never);
  EXPECT_FALSE(instance.accept);
  EXPECT_FALSE(instance.is_closed()) << "it owns its addresses";
  EXPECT_EQ(instance.advert_interval, 3s);
  EXPECT_THAT(instance.virtual_addresses,
              ElementsAre(at("10.0.0.1/24"), at("10.0.0.2/32")));
  EXPECT_EQ(instance.auth.type, Auth::Type::Pass);
  EXPECT_EQ(instance.auth.password, "secret");
  EXPECT_EQ(instance.announcements.refresh, 1min);
  EXPECT_EQ(instance.announcements.refresh_repeat, 2);
}

TEST(Loader, ReadsWhatAnInstanceBringsWithIt) {
  const auto [config, diagnostics] = load(R"(
[node.a]
address = "10.0.0.2"
[node.b]
address = "10.0.0.3"
[pair]
key_file = "/etc/hapair/pair.key"
drills = true
[vrrp]
guardian = false
run_directory = "/run/elsewhere"
[vrrp.instance.web]
version = 3
interface = "eth1"
virtual_router_id = 7
virtual_addresses = ["10.0.0.1", "fe80::7", { address = "2001:db8::1/64", interface = "eth2" },
                     { address = "10.0.0.4", label = "eth1:4", scope = "link", excluded = true }]
excluded_addresses = ["10.9.0.1"]
virtual_routes = [{ to = "default", via = "10.0.0.254", metric = 10 },
                  { to = "default", via = "fe80::1", table = 7 }]
source_address = "10.0.0.22"
virtual_mac = "vip0"
lease = false
preempt = "delay"
preempt_delay = "30s"
startup_delay = "2s"
hold_down = "1m"
[vrrp.instance.db]
interface = "eth1"
virtual_router_id = 8
virtual_addresses = "10.0.0.5"
unicast_peers = ["10.0.0.2", "10.0.0.3"]
least_ttl = 64
peers = "link"
auth = { type = "hmac", mode = "permissive", anti_replay = "monotonic", window = "9s" }
[vrrp.sync_group.all]
instances = ["web", "db"]
)",
                                          "a");
  ASSERT_TRUE(config) << diagnostics.to_string();
  EXPECT_EQ(config->source, *IpAddress::parse("10.0.0.2"));
  ASSERT_EQ(config->other_nodes.size(), 1U);
  EXPECT_EQ(config->other_nodes[0].name, "b");
  EXPECT_TRUE(config->needs_keys());
  EXPECT_FALSE(config->guardian);
  EXPECT_EQ(config->run_directory, "/run/elsewhere");
  EXPECT_TRUE(config->pair.drills);
  const Instance& web = config->instances.at(0);
  ASSERT_EQ(web.virtual_addresses.size(), 5U);
  EXPECT_EQ(web.virtual_addresses[2].interface, "eth2");
  EXPECT_EQ(web.virtual_addresses[3].label, "eth1:4");
  EXPECT_EQ(web.virtual_addresses[3].scope, 253);
  EXPECT_FALSE(web.virtual_addresses[3].advertised);
  EXPECT_FALSE(web.virtual_addresses[4].advertised);
  ASSERT_EQ(web.virtual_routes.size(), 2U);
  EXPECT_EQ(web.virtual_routes[0].to, *Cidr::parse("0.0.0.0/0"));
  EXPECT_EQ(web.virtual_routes[0].metric, 10U);
  EXPECT_EQ(web.virtual_routes[1].to, *Cidr::parse("::/0")) << "of the family of its gateway";
  EXPECT_EQ(web.source, *IpAddress::parse("10.0.0.22"));
  EXPECT_TRUE(web.virtual_mac);
  EXPECT_EQ(web.virtual_mac_name, "vip0");
  EXPECT_EQ(web.lease, Duration::zero());
  EXPECT_EQ(web.preempt, Preempt::Delay);
  EXPECT_EQ(web.preempt_delay, 30s);
  EXPECT_EQ(web.startup_delay, 2s);
  EXPECT_EQ(web.hold_down, 1min);
  EXPECT_EQ(web.auth.type, Auth::Type::Hmac) << "who gave the pair a key wants it used";
  EXPECT_EQ(web.auth.mode, Auth::Mode::Enforce);
  EXPECT_EQ(web.peers.kind, Peers::Kind::Nodes);
  const Instance& db = config->instances.at(1);
  EXPECT_THAT(db.unicast_peers, ElementsAre(*IpAddress::parse("10.0.0.3"))) << "not ourselves";
  EXPECT_EQ(db.least_ttl, 64);
  EXPECT_EQ(db.peers.kind, Peers::Kind::Link);
  EXPECT_EQ(db.auth.mode, Auth::Mode::Permissive);
  EXPECT_FALSE(db.auth.timed);
  EXPECT_EQ(db.auth.window, 9s);
  ASSERT_EQ(config->sync_groups.size(), 1U);
  EXPECT_THAT(config->sync_groups[0].instances, ElementsAre("web", "db"));
  EXPECT_EQ(diagnostics.to_string(), "") << "the first IPv6 address is link-local";
}

TEST(Loader, KnowsHowHighTheOtherNodeStandsWhileAllIsWell) {
  auto ours = load(kPair, "hap1").config;
  const auto theirs = load(kPair, "hap2").config;
  ASSERT_TRUE(ours && theirs);
  take_peer_priorities(*ours, *theirs);
  EXPECT_EQ(ours->instances[0].peer_priority, 102) << "100, and 2 for the script";
}

TEST(Loader, LeavesTheProxysSectionsAlone) {
  EXPECT_TRUE(load(with("", R"([global]
maxconn = 2000
[frontend.http-in]
whatever = "the proxy says"
[backend.webservers]
[listen.stats]
[defaults])"))
                  .config);
}

TEST(Loader, AcceptsAFileWithoutInstances) {
  const auto [config, diagnostics] = load("[frontend.x]\n", "");
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->instances.empty());
}

TEST(Loader, ReadsWhereOperatorsAreHeard) {
  EXPECT_TRUE(load(kPair).config->control.empty()) << "the default one, which may be missing";
  const auto [config, diagnostics] =
      load(with("", "[vrrp]\nrun_directory = \"/run/x\"\n[[vrrp.control]]\nbind = \"127.0.0.1:9650\"\n"
                    "level = \"user\"\n[[vrrp.control]]\nbind = \"unix:/run/x/vrrp.sock\""));
  ASSERT_TRUE(config) << diagnostics.to_string();
  ASSERT_EQ(config->control.size(), 2U);
  EXPECT_EQ(config->control[0].address->to_string(), "127.0.0.1:9650");
  EXPECT_EQ(config->control[0].level, control::Level::User);
  EXPECT_EQ(config->control[1].path, "/run/x/vrrp.sock");
}

TEST(Loader, CutsALongPasswordWithAWarningAsKeepalivedDoes) {
  const auto [config, diagnostics] =
      load(with("", "auth = { type = \"pass\", password = \"123456789\" }"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->instances[0].auth.password, "12345678");
  EXPECT_THAT(diagnostics.to_string(), HasSubstr("warning: only the first 8 bytes"));
}

struct Mistake {
  std::string name;
  std::string line;  // of kPair; empty: added at the end
  std::string replacement;
  std::string place;    // "line:column" of the error
  std::string message;  // a part of what is said, hint included
};

void PrintTo(const Mistake& mistake, std::ostream* out) {
  *out << mistake.replacement;
}

class LoaderMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(LoaderMistakes, AreToldWithTheirPlaceAndRemedy) {
  const Mistake& mistake = GetParam();
  const auto [config, diagnostics] = load(with(mistake.line, mistake.replacement));
  EXPECT_FALSE(config);
  EXPECT_THAT(diagnostics.to_string(), HasSubstr("pair.toml:" + mistake.place + ": error: "));
  EXPECT_THAT(diagnostics.to_string(), HasSubstr(mistake.message));
  EXPECT_EQ(diagnostics.sorted().size(), 1U) << diagnostics.to_string();
}

INSTANTIATE_TEST_SUITE_P(
    Each, LoaderMistakes,
    ::testing::Values(
        Mistake{"UnknownKey", "", "prioritty = 3", "16:1", "did you mean \"priority\"?"},
        Mistake{"UnknownSection", "", "[vrrp.instances.x]", "16:7", "instance"},
        Mistake{"NoInterface", "interface = \"eth1\"\n", "", "10:1", "no interface"},
        Mistake{"LongInterface", "\"eth1\"", "\"averylonginterfacename\"", "11:13", "15 bytes"},
        Mistake{"WrongState", "\"master\"", "\"mastr\"", "12:9", "master"},
        Mistake{"NoRouterId", "virtual_router_id = 51\n", "", "10:1", "virtual_router_id"},
        Mistake{"RouterIdZero", "= 51", "= 0", "13:21", "1 to 255"},
        Mistake{"RouterIdString", "= 51", "= \"51\"", "13:21", "string"},
        Mistake{"PriorityZero", "priority = 101", "priority = 0", "3:35", "1 to 255"},
        Mistake{"NoAddresses", "virtual_addresses = [\"192.168.50.10\"]\n", "", "10:1",
                "virtual_addresses"},
        Mistake{"EmptyAddresses", "[\"192.168.50.10\"]", "[]", "14:21", "at least one"},
        Mistake{"BadAddress", "[\"192.168.50.10\"]", "[\"192.168.50.10\", \"192.168.50.300\"]",
                "14:39", "192.168.50.300"},
        Mistake{"AddressTwice", "[\"192.168.50.10\"]", "[\"10.0.0.1\", \"10.0.0.1\"]", "14:34",
                "listed twice"},
        Mistake{"AddressVersion6", "[\"192.168.50.10\"]", "[\"2001:db8::1\"]", "14:21",
                "version 2 carries IPv4 addresses alone"},
        Mistake{"OwnAddress", "[\"192.168.50.10\"]", "[\"192.168.50.11\"]", "14:22",
                "a node's own"},
        Mistake{"AddressAny", "[\"192.168.50.10\"]", "[\"0.0.0.0\"]", "14:22", "cannot be"},
        Mistake{"AddressThisNetwork", "[\"192.168.50.10\"]", "[\"0.1.2.3\"]", "14:22", "cannot be"},
        Mistake{"AddressMulticast", "[\"192.168.50.10\"]", "[\"224.0.0.18\"]", "14:22",
                "cannot be a virtual address"},
        Mistake{"AddressLoopback", "[\"192.168.50.10\"]", "[\"127.0.0.1/8\"]", "14:22",
                "cannot be a virtual address"},
        Mistake{"AddressBroadcast", "[\"192.168.50.10\"]", "[\"255.255.255.255\"]", "14:22",
                "cannot be a virtual address"},
        Mistake{"AddressPrefixZero", "[\"192.168.50.10\"]", "[\"192.168.50.10/0\"]", "14:22",
                "prefix 0"},
        Mistake{"EmptyInterface", "\"eth1\"", "\"\"", "11:13", "cannot be an interface"},
        Mistake{"InterfaceWithSlash", "\"eth1\"", "\"net/eth1\"", "11:13", "as `ip link` shows"},
        Mistake{"InterfaceWithBlank", "\"eth1\"", "\"eth 1\"", "11:13", "cannot be an interface"},
        Mistake{"NodeMulticast", "\"192.168.50.11\"", "\"224.0.0.1\"", "2:11",
                "no address of a host"},
        Mistake{"NodeLoopback", "\"192.168.50.11\"", "\"127.0.0.1\"", "2:11",
                "no address of a host"},
        Mistake{"EmptyWordZero", "\"/usr/bin/killall -0 hapair-proxy\"", "[\"\", \"-0\"]", "7:11",
                "the command is empty"},
        Mistake{"NulInWord", "\"/usr/bin/killall -0 hapair-proxy\"", "[\"/bin/x\", \"a\\u0000b\"]",
                "7:11", "NUL"},
        Mistake{"NulInText", "killall -0 hapair-proxy", "killall \\u0000", "7:11", "NUL"},
        Mistake{"UnknownScript", "[\"chk_haproxy\"]", "[\"chk_haprox\"]", "15:18",
                "did you mean \"chk_haproxy\"?"},
        Mistake{"ScriptTwice", "[\"chk_haproxy\"]", "[\"chk_haproxy\", \"chk_haproxy\"]", "15:33",
                "listed twice"},
        Mistake{"NoCommand", "command = \"/usr/bin/killall -0 hapair-proxy\"\n", "", "6:1",
                "no command"},
        Mistake{"ShellInCommand", "killall -0 hapair-proxy", "pgrep x | grep y", "7:11",
                "needs a shell"},
        Mistake{"BareInterval", "\"2s\"", "2", "8:12", "interval"},
        Mistake{"Weight", "weight = 2", "weight = 300", "9:10", "-253 to 253"},
        Mistake{"Interval3TooLong", "", "version = 3\nadvert_interval = \"41s\"", "17:19", "40950ms"},
        Mistake{"Interval3Odd", "", "version = 3\nadvert_interval = \"15ms\"", "17:19",
                "hundredths of a second"},
        Mistake{"Interval2Short", "", "advert_interval = \"100ms\"", "16:19", "or version = 3"},
        Mistake{"Version3Password", "",
                "version = 3\nauth = { type = \"pass\", password = \"x\" }", "17:17",
                "carries no password"},
        Mistake{"ChecksumOf2", "", "checksum = \"plain\"", "16:12", "one form only"},
        Mistake{"ChecksumWord", "", "version = 3\nchecksum = \"plane\"", "17:12", "plain"},
        Mistake{"AdoptedOf2", "", "longest_adopted_interval = \"5s\"", "16:28", "only version 3"},
        Mistake{"Version4", "", "version = 4", "16:11", "version"},
        Mistake{"HalfSecond", "", "advert_interval = \"1500ms\"", "16:19", "whole seconds"},
        Mistake{"PreemptWord", "", "preempt = \"allways\"", "16:11", "always"},
        Mistake{"PreemptDelay", "", "preempt = \"delay\"", "16:11", "needs a preempt_delay"},
        Mistake{"DelayWithoutPreempt", "", "preempt_delay = \"3s\"", "16:17",
                "without preempt = \"delay\""},
        Mistake{"AuthHmac", "", "auth = { type = \"hmac\" }", "16:17", "no key to sign with"},
        Mistake{"AuthHmacPassword", "",
                "auth = { type = \"hmac\", password = \"x\" }\n[pair]\nkey_file = \"/k\"",
                "16:36", "keys stand in [pair] key_file"},
        Mistake{"AuthAh3", "", "version = 3\nauth = { type = \"ah\", password = \"x\" }", "17:17",
                "carries no password"},
        Mistake{"AuthModeOfPassword", "",
                "auth = { type = \"pass\", password = \"x\", mode = \"enforce\" }", "16:48",
                "\"hmac\" alone"},
        Mistake{"UnicastNobody", "", "unicast_peers = [\"192.168.50.11\"]", "16:17",
                "no peer but this node itself"},
        Mistake{"UnicastFamily", "", "unicast_peers = [\"2001:db8::2\"]", "16:18",
                "another family"},
        Mistake{"TtlOfMulticast", "", "unicast_ttl = 64", "16:15", "for unicast alone"},
        Mistake{"PeersWord", "", "peers = \"everybody\"", "16:9", "is not an IP address"},
        Mistake{"LeaseFraction", "", "lease = \"1500ms\"", "16:9", "whole seconds"},
        Mistake{"LabelTooLong", "[\"192.168.50.10\"]",
                "[{ address = \"192.168.50.10\", label = \"eth1:much-too-long\" }]", "14:59",
                "1 to 15 bytes"},
        Mistake{"ScopeWord", "[\"192.168.50.10\"]",
                "[{ address = \"192.168.50.10\", scope = \"lnk\" }]", "14:59", "link"},
        Mistake{"NoAddressKey", "[\"192.168.50.10\"]", "[{ interface = \"eth2\" }]", "14:22",
                "without its address"},
        Mistake{"AllExcluded", "[\"192.168.50.10\"]",
                "[{ address = \"192.168.50.10\", excluded = true }]", "14:21", "not excluded"},
        Mistake{"RouteFamily", "",
                "virtual_routes = [{ to = \"10.0.0.0/8\", via = \"fe80::1\" }]", "16:46",
                "another family"},
        Mistake{"RouteNowhere", "", "virtual_routes = [{ via = \"10.0.0.1\" }]", "16:19",
                "without where it leads"},
        Mistake{"GroupOfUnknown", "", "[vrrp.sync_group.all]\ninstances = [\"VI_2\"]", "17:14",
                "did you mean \"VI_1\"?"},
        Mistake{"AuthWithoutPassword", "", "auth = { type = \"pass\" }", "16:8",
                "needs a password"},
        Mistake{"PasswordWithoutAuth", "", "auth = { type = \"none\", password = \"x\" }", "16:36",
                "without authentication"},
        Mistake{"ControlForEverybody", "", "[[vrrp.control]]\nbind = \"192.168.50.11:9650\"", "17:8",
                "can be reached from other machines"},
        Mistake{"Pair", "", "[pair]\nkeyfile = \"/k\"", "17:1", "did you mean \"key_file\"?"},
        Mistake{"RouterIdTwice", "",
                "[vrrp.instance.VI_2]\ninterface = \"eth1\"\nvirtual_router_id = 51\n"
                "virtual_addresses = \"10.0.0.9\"",
                "18:21", "already used by instance VI_1"}),
    [](const auto& mistake) { return mistake.param.name; });

TEST(Loader, TellsAllMistakesAtOnce) {
  const auto [config, diagnostics] = load(
      "[vrrp.instance.x]\ninterface = 3\nvirtual_router_id = 900\nvirtual_addresses = [\"x\"]\n"
      "track_scripts = [\"none\"]\nstate = \"slave\"\n",
      "");
  EXPECT_FALSE(config);
  EXPECT_EQ(diagnostics.sorted().size(), 5U) << diagnostics.to_string();
}

TEST(CommandLine, IsSplitAsAShellWould) {
  const auto split = [](std::string_view text) {
    return split_command(text).value_or(std::vector<std::string>{"refused"});
  };
  EXPECT_THAT(split("/usr/bin/killall -0 haproxy"),
              ElementsAre("/usr/bin/killall", "-0", "haproxy"));
  EXPECT_THAT(split("  a\t'b c' \"d e\" f\\ g ''"), ElementsAre("a", "b c", "d e", "f g", ""));
  EXPECT_THAT(split(R"(a "\"x\" \n")"), ElementsAre("a", R"("x" \n)"));
  EXPECT_THAT(split("a'b'c"), ElementsAre("abc"));
}

TEST(CommandLine, RefusesWhatNeedsAShellAndWhatIsNotFinished) {
  for (std::string_view text : {"a | b", "a && b", "a > f", "echo $X", "echo \"$X\"", "ls *", "",
                                "   ", "a 'b", "a \"b", "a \\", "a; b", "''"})
    EXPECT_FALSE(split_command(text)) << text;
  EXPECT_TRUE(split_command("echo '$X *'"));
}

}  // namespace
}  // namespace hapair::vrrp
