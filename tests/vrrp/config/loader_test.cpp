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
  EXPECT_THAT(instance.virtual_addresses, ElementsAre(*Cidr::parse("192.168.50.10/32")));
  EXPECT_TRUE(instance.preempt);
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
  EXPECT_FALSE(instance.preempt);
  EXPECT_EQ(instance.advert_interval, 3s);
  EXPECT_THAT(instance.virtual_addresses,
              ElementsAre(*Cidr::parse("10.0.0.1/24"), *Cidr::parse("10.0.0.2/32")));
  EXPECT_EQ(instance.auth.type, Auth::Type::Pass);
  EXPECT_EQ(instance.auth.password, "secret");
  EXPECT_EQ(instance.announcements.refresh, 1min);
  EXPECT_EQ(instance.announcements.refresh_repeat, 2);
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
        Mistake{"AddressVersion6", "[\"192.168.50.10\"]", "[\"2001:db8::1\"]", "14:22",
                "version 3"},
        Mistake{"OwnAddress", "[\"192.168.50.10\"]", "[\"192.168.50.11\"]", "14:22",
                "this node's own"},
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
                "tracked twice"},
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
        Mistake{"PreemptDelay", "", "preempt = \"delay\"", "16:11", "not built yet"},
        Mistake{"AuthAh", "", "auth = { type = \"ah\", password = \"x\" }", "16:17",
                "not built yet"},
        Mistake{"AuthHmac", "", "auth = { type = \"hmac\" }", "16:17", "not built yet"},
        Mistake{"AuthWithoutPassword", "", "auth = { type = \"pass\" }", "16:8",
                "needs a password"},
        Mistake{"PasswordWithoutAuth", "", "auth = { type = \"none\", password = \"x\" }", "16:36",
                "without authentication"},
        Mistake{"TrackProxy", "", "track_proxy = true", "16:1", "track_proxy: not built yet"},
        Mistake{"Pair", "", "[pair]\nkey_file = \"/k\"", "16:2", "pair: not built yet"},
        Mistake{"Alert", "", "[alert.mail]", "16:2", "alert: not built yet"},
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
