#include "proxy/config/loader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/config_reader.h"

namespace hapair::proxy {
namespace {

/// A configuration without a fault; tests add to it or spoil it.
constexpr std::string_view kGood = R"([global]
maxconn = 2000
[[global.log]]
target = "udp:127.0.0.1:514"
[defaults]
log_format = "http"
retries = 2
timeout = { connect = "5s", client = "50s", server = "40s" }
[frontend.web]
bind = ["*:80"]
default_backend = "webs"
[backend.webs]
balance = "roundrobin"
check = { type = "http" }
[[backend.webs.server]]
name = "web1"
address = "192.168.50.21:80"
)";

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kGood);
  const auto at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

std::string complaints(std::string_view text) {
  Diagnostics found;
  const auto document = parse_document(text, "t.toml", "hap1", found);
  load_config(document, found);
  return found.to_string();
}

Config load(std::string_view text) {
  Diagnostics found;
  const auto document = parse_document(text, "t.toml", "hap1", found);
  const auto config = load_config(document, found);
  EXPECT_TRUE(config) << found.to_string();
  EXPECT_EQ(found.to_string(), "");
  return config.value_or(Config{});
}

TEST(ProxyLoader, InheritsTheDefaults) {
  const Config config = load(kGood);
  EXPECT_EQ(config.node, "hap1");
  EXPECT_EQ(config.global.maxconn, 2000U);
  ASSERT_EQ(config.frontends.size(), 1U);
  const Frontend& frontend = config.frontends[0];
  EXPECT_EQ(frontend.log_format, LogFormat::Http);
  EXPECT_EQ(frontend.timeout.client, 50s);
  EXPECT_EQ(frontend.binds[0].socket.to_string(), "0.0.0.0:80");
  EXPECT_EQ(frontend.default_backend, 0);
  EXPECT_TRUE(frontend.log_null);
  EXPECT_FALSE(frontend.from_listen);
  const Backend& backend = config.backends[0];
  EXPECT_EQ(backend.retry.attempts, 2);
  EXPECT_EQ(backend.timeout.server, 40s);
  EXPECT_EQ(backend.timeout.effective_queue(), 5s);
  ASSERT_EQ(backend.servers.size(), 1U);
  EXPECT_EQ(backend.servers[0].weight, 1U);
  ASSERT_TRUE(backend.servers[0].check);
  EXPECT_EQ(backend.servers[0].check->type, Check::Type::Http);
  EXPECT_EQ(backend.servers[0].check->method, "OPTIONS");
  EXPECT_EQ(backend.servers[0].check->version, "HTTP/1.0");
  EXPECT_EQ(backend.servers[0].check->interval, 2s);
}

TEST(ProxyLoader, ASectionWinsOverTheDefaults) {
  const Config config = load(replaced("balance = \"roundrobin\"",
                                      "balance = \"roundrobin\"\nretries = 5\n"
                                      "timeout = { server = \"7s\" }"));
  EXPECT_EQ(config.backends[0].retry.attempts, 5);
  EXPECT_EQ(config.backends[0].timeout.server, 7s);
  EXPECT_EQ(config.backends[0].timeout.connect, 5s);
}

TEST(ProxyLoader, AListenIsAFrontendAndABackend) {
  const Config config = load(std::string(kGood) + R"([listen.app]
bind = ["[::1]:8080", "127.0.0.1:8080"]
maxconn = 10
connection = "server-close"
forwarded_for = { except = ["127.0.0.0/8", "::1"], header = "X-Client" }
source = "10.0.0.1"
redispatch = false
[[listen.app.server]]
name = "a"
address = "10.0.0.2:80"
weight = 256
maxconn = 3
)");
  ASSERT_EQ(config.frontends.size(), 2U);
  const Frontend& frontend = *std::ranges::find(config.frontends, "app", &Frontend::name);
  EXPECT_TRUE(frontend.from_listen);
  EXPECT_EQ(frontend.binds.size(), 2U);
  EXPECT_EQ(frontend.maxconn, 10U);
  EXPECT_EQ(frontend.connection, ConnectionMode::ServerClose);
  const Backend& backend = config.backends.at(static_cast<std::size_t>(frontend.default_backend));
  EXPECT_EQ(backend.name, "app");
  EXPECT_EQ(backend.connection, ConnectionMode::ServerClose);
  EXPECT_EQ(backend.approach.source->to_string(), "10.0.0.1");
  EXPECT_FALSE(backend.retry.redispatch);
  EXPECT_EQ(backend.forwarded_for->header, "X-Client");
  EXPECT_EQ(backend.forwarded_for->except.size(), 2U);
  EXPECT_EQ(backend.servers[0].weight, 256U);
  EXPECT_EQ(backend.servers[0].maxconn, 3U);
  EXPECT_FALSE(backend.servers[0].check);
}

TEST(ProxyLoader, AServerMayOverrideTheCheckOfItsBackend) {
  const Config config =
      load(std::string(replaced(
               "check = { type = \"http\" }",
               "check = { request = \"GET /healthz HTTP/1.1\", interval = \"1s\", fall = 5 }")) +
           R"(check = true
[[backend.webs.server]]
name = "silent"
address = "10.0.0.2:80"
check = false
[[backend.webs.server]]
name = "own"
address = "10.0.0.3:80"
check = { interval = "9s", fast_interval = "500ms", down_interval = "3s", rise = 1 }
[[backend.webs.server]]
name = "plain"
address = "10.0.0.4:80"
check = { type = "tcp" }
)");
  const auto& servers = config.backends[0].servers;
  EXPECT_EQ(servers[0].check->type, Check::Type::Http);  // who names a request means http
  EXPECT_EQ(servers[0].check->target, "/healthz");
  EXPECT_EQ(servers[0].check->version, "HTTP/1.1");
  EXPECT_EQ(servers[0].check->interval, 1s);
  EXPECT_FALSE(servers[1].check);
  EXPECT_EQ(servers[2].check->target, "/healthz");
  EXPECT_EQ(servers[2].check->interval, 9s);
  EXPECT_EQ(servers[2].check->fast_interval, 500ms);
  EXPECT_EQ(servers[2].check->down_interval, 3s);
  EXPECT_EQ(servers[2].check->rise, 1);
  EXPECT_EQ(servers[2].check->fall, 5);
  EXPECT_EQ(servers[3].check->type, Check::Type::Tcp);
}

TEST(ProxyLoader, CheckTrueWithoutABackendsTableIsAPlainConnection) {
  const Config config = load(replaced("check = { type = \"http\" }\n", "") + "check = true\n");
  ASSERT_TRUE(config.backends[0].servers[0].check);
  EXPECT_EQ(config.backends[0].servers[0].check->type, Check::Type::Tcp);
}

TEST(ProxyLoader, ReadsTheStatistics) {
  const Config config = load(replaced(
      "check =", "stats = { uri = \"/s\", realm = \"R\", auth = [\"a:b\", \"c:d:e\"] }\ncheck ="));
  const Stats& stats = *config.backends[0].stats;
  EXPECT_EQ(stats.uri, "/s");
  EXPECT_EQ(stats.realm, "R");
  ASSERT_EQ(stats.users.size(), 2U);
  EXPECT_EQ(stats.users[1].name, "c");
  EXPECT_EQ(stats.users[1].password, "d:e");  // RFC 7617: the first colon ends the name
}

TEST(ProxyLoader, ReadsGlobal) {
  const Config config = load(replaced("maxconn = 2000", R"(maxconn = 9
workers = 3
pidfile = "/run/x.pid"
user = "hapair"
group = "web"
chroot = "/var/lib/hapair"
log_tag = "lb"
drain_limit = "90s"
strict_limits = true)"));
  EXPECT_EQ(config.global.drain_limit, 90s);
  EXPECT_EQ(load(std::string(kGood)).global.drain_limit, 60s);
  EXPECT_EQ(config.global.workers, 3U);
  EXPECT_EQ(config.global.pidfile, "/run/x.pid");
  EXPECT_EQ(config.global.identity.user, "hapair");
  EXPECT_EQ(config.global.identity.group, "web");
  EXPECT_EQ(config.global.identity.chroot, "/var/lib/hapair");
  EXPECT_EQ(config.global.log_tag, "lb");
  EXPECT_TRUE(config.global.strict_limits);
}

TEST(ProxyLoader, ABackendOfStatisticsNeedsNoServers) {
  load(std::string(kGood) +
       "[listen.stats]\nbind = \"*:81\"\nstats = { uri = \"/\", auth = \"a:b\" }\n");
}

TEST(ProxyLoader, LeavesTheElectionsSectionsAlone) {
  load(std::string(kGood) + "[vrrp.instance.x]\ny = 1\n[pair]\nz = 1\n[alert.mail]\nw = 1\n");
}

// One mistake a line: what stands in the good file, what is there instead, and what is said of it.
struct Mistake {
  const char* good;
  const char* bad;
  const char* place;
  const char* message;
  const char* hint;
};

const std::string kLongHeader = "forwarded_for = { header = \"" + std::string(129, 'X') + "\" }";

class ProxyMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ProxyMistake, IsSaidInItsPlaceWithARemedy) {
  const Mistake& mistake = GetParam();
  Diagnostics found;
  const auto document =
      parse_document(replaced(mistake.good, mistake.bad), "t.toml", "hap1", found);
  EXPECT_FALSE(load_config(document, found));
  const auto list = found.sorted();
  ASSERT_EQ(list.size(), 1U) << found.to_string();
  EXPECT_EQ(fmt::format("{}:{}", list[0].where.line, list[0].where.column), mistake.place)
      << found.to_string();
  EXPECT_NE(list[0].message.find(mistake.message), std::string::npos) << found.to_string();
  EXPECT_NE(list[0].hint.find(mistake.hint), std::string::npos) << found.to_string();
}

constexpr const char* kName = "name = \"web1\"";
constexpr const char* kAddress = "address = \"192.168.50.21:80\"";
constexpr const char* kBalance = "balance = \"roundrobin\"";
constexpr const char* kCheck = "check = { type = \"http\" }";
constexpr const char* kBind = "bind = [\"*:80\"]";

INSTANTIATE_TEST_SUITE_P(
    All, ProxyMistake,
    testing::Values(
        // words
        Mistake{kBalance, "balance = \"roundrobbin\"", "13:11", "unknown balance \"roundrobbin\"",
                "did you mean \"roundrobin\"?"},
        Mistake{kBalance, "balance = \"rdp-cookie\"", "13:11", "known, but not built yet",
                "roundrobin"},
        Mistake{kBalance, "balance = \"hash\"", "13:11", "must know of what", "header:X-Tenant"},
        Mistake{kBalance, "balance = { algorithm = \"urii\" }", "13:25", "unknown algorithm",
                "did you mean \"uri\"?"},
        Mistake{kBalance, "balance = { algorithm = \"header\" }", "13:11", "needs a name",
                "X-Tenant"},
        Mistake{kBalance, "balance = { algorithm = \"hash\" }", "13:11", "needs a key",
                "header:X-Tenant"},
        Mistake{kBalance, "balance = { algorithm = \"uri\", check_post = true }", "13:32",
                "unknown key 'check_post'", "depth"},
        Mistake{kBalance, "balance = { algorithm = \"uri\", depth = 0 }", "13:40", "out of range",
                "from 1"},
        Mistake{kBalance, "balance = { header = \"X Y\" }", "13:22", "cannot be the name", ""},
        Mistake{kBalance, "balance = { hash = \"headr:X\" }", "13:20", "unknown key \"headr:X\"",
                "did you mean \"header\"?"},
        Mistake{kBalance, "balance = { hash = \"header\" }", "13:20", "needs a name",
                "header:NAME"},
        Mistake{kBalance, "balance = { hash = \"path:x\" }", "13:20", "has no name", ""},
        Mistake{kBalance, "balance = { hash = \"header:X\", occurrence = 0 }", "13:45",
                "no occurrence 0", "-1 the last"},
        Mistake{kBalance, "balance = { hash = \"header:X\", mask = 33 }", "13:39", "out of range",
                "to 32"},
        Mistake{kBalance, "balance = \"uri\"\nhash_type = \"consistant\"", "14:13",
                "unknown hash_type", "did you mean \"consistent\"?"},
        Mistake{kBalance, "balance = \"uri\"\nhash_function = \"wt6\"", "14:17",
                "known, but not built yet", "siphash"},
        Mistake{kBalance, "balance = \"uri\"\nhash_balance_factor = 150", "14:23",
                "needs hash_type", "consistent"},
        Mistake{kBalance, "balance = \"uri\"\nhash_type = \"consistent\"\nhash_balance_factor = 90",
                "15:23", "no more than 90 percent", "above 100"},
        Mistake{kBalance, "retry_on = [\"503\", \"conn-failur\"]", "13:20", "unknown retry_on",
                "did you mean \"conn-failure\"?"},
        Mistake{kBalance, "retry_on = [418]", "13:13", "unknown retry_on \"418\"", ""},
        Mistake{kBalance, "retry_on = \"0rtt-rejected\"", "13:12", "known, but not built yet", ""},
        Mistake{kBalance, "retry_on = [\"none\", \"503\"]", "13:13", "beside others", "alone"},
        Mistake{kBalance, "retry_on = [true]", "13:13", "a list of words", ""},
        Mistake{kBalance, "retry_methods = \"all\"", "13:17", "unknown retry_methods", "any"},
        Mistake{kBalance, "retry_budget = 101", "13:16", "out of range", "to 100"},
        Mistake{kBalance, "retry_budget = \"20%\"", "13:16", "a percentage, a table or false",
                "20"},
        Mistake{kBalance, "retry_budget = { percent = -1 }", "13:28", "out of range", "from 0"},
        Mistake{kBalance, "all_backups = 1", "13:15", "true or false", ""},
        Mistake{kBalance, "fullconn = 0", "13:12", "out of range", "from 1"},
        Mistake{kBalance, "max_queue = -1", "13:13", "out of range", "from 0"},
        Mistake{kBalance, "slow_start = 5", "13:14", "needs a unit", "5s"},
        Mistake{kBalance, "slow_start = { at = [\"start\"] }", "13:14", "needs a duration", "30s"},
        Mistake{kBalance, "slow_start = { duration = \"5s\", at = [\"strat\"] }", "13:38",
                "unknown occasion", "did you mean \"start\"?"},
        Mistake{kBalance, "disabled = true", "13:12", "a backend has no door",
                "each of its servers"},
        Mistake{kBind, "bind = [\"*:80\"]\ndisabled = 1", "11:12", "true or false", ""},
        Mistake{kBalance, "balance = 1", "13:11", "must be a word", "roundrobin"},
        Mistake{kBalance, "balance = {}", "13:11", "names no algorithm", "random = 2"},
        Mistake{kBalance, "balance = { random = 0 }", "13:22", "out of range", "from 1"},
        Mistake{kBalance, "balance = { randon = 2 }", "13:13", "unknown key", "random"},
        Mistake{kBalance, "balence = \"roundrobin\"", "13:1",
                "unknown key 'balence' in backend.webs", "did you mean \"balance\"?"},
        Mistake{kBalance, "mode = \"tcp\"", "11:19", "has mode \"tcp\"", "the same mode"},
        Mistake{kBalance, "mode = \"htpp\"", "13:8", "unknown mode", "did you mean \"http\"?"},
        Mistake{kBalance, "connection = \"keepalive\"", "13:14", "unknown connection",
                "did you mean \"keep-alive\"?"},
        Mistake{kBalance, "retries = -1", "13:11", "out of range", "from 0"},
        Mistake{kBalance, "retries = \"3\"", "13:11", "a whole number", "without quotes: 3"},
        Mistake{kBalance, "redispatch = 3", "13:14", "true or false", ""},
        Mistake{kBalance, "source = \"eth0\"", "13:10", "not an IP address", ""},
        Mistake{kBalance, "source = \"0.0.0.0\"", "13:10", "no address to come from",
                "leave source out"},
        Mistake{kBalance, "source = \"::1\"", "17:11", "cannot be reached from source ::1", "IPv4"},
        // global
        Mistake{"maxconn = 2000", "drain_limit = 60", "2:15", "needs a unit", "\"60s\""},
        Mistake{"maxconn = 2000", "drain_limit = \"60\"", "2:15", "no unit", ""},
        Mistake{"maxconn = 2000", "hard_stop_after = \"60s\"", "2:1", "this is said otherwise here",
                "drain_limit = \"60s\""},
        // HAProxy's words
        Mistake{"maxconn = 2000", "nbthread = 4", "2:1", "nbthread: this is said otherwise here",
                "workers = 4"},
        Mistake{"default_backend", "acl = 1\ndefault_backend", "11:1",
                "acl: this is said otherwise", "[[frontend.NAME.route]] with when"},
        Mistake{"default_backend", "use_backend = 1\ndefault_backend", "11:1",
                "use_backend: this is said", "backend = \"NAME\""},
        Mistake{kBalance, "default_server = 1", "13:1", "default_server: this is said",
                "for all its servers"},
        Mistake{kAddress, "address = \"1.2.3.4:80\"\nrise = 1", "18:1", "rise: this is said",
                "check = { rise = 2 }"},
        Mistake{"[frontend.web]", "[[defaults.server]]\n[frontend.web]", "9:12",
                "server: a server belongs to a backend", "[[backend.NAME.server]]"},
        // what later builds have, under its own name or HAProxy's
        Mistake{"[global]", "[map.x]\n[global]", "1:2", "map: known, but not built yet",
                "leave it out"},
        Mistake{kAddress, "address = \"1.2.3.4:80\"\nsni = \"a\"", "18:1",
                "sni: known, but not built yet", "leave it out"},
        Mistake{kBalance, "http_reuse = \"safe\"", "13:1", "http_reuse: known, but not built yet",
                ""},
        Mistake{kBalance, "balance = { rdp_cookie = \"mstshash\" }", "13:13",
                "rdp_cookie: known, but not built yet", "another algorithm"},
        Mistake{"default_backend",
                "route = [{ when = { sni = \"a\" }, deny = true }]\ndefault_backend", "11:21",
                "sni: known, but not built yet", ""},
        Mistake{"default_backend", "route = [{ tarpit = true, deny = true }]\ndefault_backend",
                "11:12", "tarpit: known, but not built yet", ""},
        Mistake{kBalance, "drain_limit = \"60s\"", "13:1", "unknown key 'drain_limit'", ""},
        // timeouts
        Mistake{"client = \"50s\"", "client = \"50\"", "8:38", "no unit", ""},
        Mistake{"client = \"50s\"", "client = 50", "8:38", "needs a unit", "\"50s\""},
        Mistake{"client = \"50s\"", "client = \"-5s\"", "8:38", "negative", ""},
        Mistake{"client = \"50s\"", "client = \"30d\"", "8:38", "out of range", ""},
        Mistake{", client", ", cleint = \"1s\", client", "8:29", "unknown key 'cleint'",
                "did you mean \"client\"?"},
        Mistake{", client", ", tarpit = \"1s\", client", "8:29", "not built yet", ""},
        // forwarded_for, stats
        Mistake{kBalance, "forwarded_for = \"yes\"", "13:17", "true, false or a table", ""},
        Mistake{kBalance, "forwarded_for = { except = [\"10.0.0.0/33\"] }", "13:29",
                "prefix length", "127.0.0.0/8"},
        Mistake{kBalance, "forwarded_for = { header = \"X For\" }", "13:28",
                "not the name of a header", ""},
        Mistake{kBalance, kLongHeader.c_str(), "13:28", "129 characters", "128 at most"},
        Mistake{kBalance, "forwarded_for = { header = \"content-Length\" }", "13:28",
                "content-Length cannot carry an address", "X-Forwarded-For"},
        Mistake{kBalance, "forwarded_for = { header = \"Host\" }", "13:28", "cannot carry", ""},
        Mistake{kBalance, "forwarded_for = { header = \"Transfer-Encoding\" }", "13:28",
                "cannot carry", ""},
        Mistake{kBalance, "forwarded_for = { header = \"Connection\" }", "13:28", "cannot carry",
                ""},
        Mistake{kBalance, "stats = { auth = [\"a:b\"] }", "13:9", "need a uri", "uri ="},
        Mistake{kBalance, "stats = { uri = \"stats\", auth = [\"a:b\"] }", "13:17",
                "not the beginning of a path", "/haproxy?stats"},
        Mistake{kBalance, "stats = { uri = \"/s\", auth = [\"admin\"] }", "13:31",
                "a colon and a password", "user:password"},
        Mistake{kBalance, "stats = { uri = \"/s\", auth = [] }", "13:30", "nobody could log in",
                ""},
        Mistake{kBalance, "stats = { uri = \"/s\", auth = \"a:b\", realm = \"a\\\"b\" }", "13:45",
                "realm", ""},
        // checks
        Mistake{kCheck, "check = { type = \"htttp\" }", "14:18", "unknown type",
                "did you mean \"http\"?"},
        Mistake{kCheck, "check = \"http\"", "14:9", "true, false or a table", "type = \"http\""},
        Mistake{kCheck, "check = { request = \"/healthz\" }", "14:21", "lacks its method",
                "did you mean \"GET /healthz\"?"},
        Mistake{kCheck, "check = { request = \"G@T /\" }", "14:21", "not a method", "GET /healthz"},
        Mistake{kCheck, "check = { request = \"GET healthz\" }", "14:21", "begins with '/'", ""},
        Mistake{kCheck, "check = { request = \"GET / HTTP/2\" }", "14:21", "version", "HTTP/1.1"},
        Mistake{kCheck, "check = { request = \"GET / HTTP/1.0 x\" }", "14:21", "a method, a target",
                ""},
        Mistake{kCheck, "check = { request = \"GET  /\" }", "14:21", "", ""},
        Mistake{kCheck, "check = { request = \"GET /\\r\\nX: y\" }", "14:21", "control bytes", ""},
        Mistake{kCheck, "check = { type = \"tcp\", request = \"GET /\" }", "14:35",
                "a tcp check has no request", "type = \"http\""},
        Mistake{kCheck, "check = { type = \"http\", rise = 0 }", "14:33", "out of range", "from 1"},
        Mistake{kCheck, "check = { type = \"http\", interval = \"0s\" }", "14:37", "out of range",
                ""},
        Mistake{kCheck, "check = { type = \"http\", intervall = \"1s\" }", "14:26",
                "unknown key 'intervall'", "did you mean \"interval\"?"},
        Mistake{kCheck, "check = { type = \"http\", alpn = \"h2\" }", "14:26", "not built yet", ""},
        Mistake{kCheck, "check = { type = \"redis\", request = \"GET /\" }", "14:37",
                "a redis check has no request", "type = \"http\""},
        Mistake{kCheck, "check = { expect = { status = \"2xx\" } }", "14:31", "from 100 to 999",
                ""},
        Mistake{kCheck, "check = { expect = { body_regex = \"(\" } }", "14:35",
                "no regular expression", "RE2"},
        Mistake{kCheck, "check = { steps = [ { sned = \"x\" } ] }", "14:23", "unknown key 'sned'",
                "send"},
        Mistake{kCheck, "check = { steps = [ { send = \"x\", expect = \"y\" } ] }", "14:21",
                "one thing: send or expect", ""},
        Mistake{kCheck, "check = { steps = [ { send_hex = \"0\" } ] }", "14:34", "not hexadecimal",
                "pairs"},
        Mistake{kCheck, "check = { command = \"true\" }", "14:21", "no absolute path", ""},
        Mistake{kCheck, "check = { type = \"postgresql\" }", "14:9", "needs a user", ""},
        Mistake{kCheck, "check = { hello = \"HI\" }", "14:19", "no greeting", "EHLO"},
        Mistake{kCheck, "check = { initial = \"down\" }", "14:21", "unknown initial", ""},
        Mistake{kCheck, "check = { spread = 51 }", "14:20", "out of range", ""},
        // servers
        Mistake{kName, "name = \"a/b\"", "16:8", "cannot be the name of a server", "letters"},
        Mistake{kName, "", "15:1", "a server needs a name", "name ="},
        Mistake{kAddress, "", "15:1", "a server needs an address", "address ="},
        Mistake{kAddress, "address = \"192.168.50.21\"", "17:11", "no :port", "192.168.50.21:80"},
        Mistake{kAddress, "address = \"web1:80\"", "17:11", "names are not looked up", ""},
        Mistake{kAddress, "address = \"*:80\"", "17:11", "no place one can connect to", ""},
        Mistake{kAddress, "address = \"1.2.3.4:80\"\nweight = 257", "18:10", "out of range",
                "0 to 256"},
        Mistake{kAddress, "address = \"1.2.3.4:80\"\nmaxconn = -1", "18:11", "out of range", ""},
        Mistake{kAddress, "address = \"1.2.3.4:80\"\nresolve = \"dns\"", "18:1",
                "resolve: known, but not built yet", ""},
        Mistake{kAddress, "address = \"1.2.3.4:80\"\nwieght = 1", "18:1", "unknown key 'wieght'",
                "did you mean \"weight\"?"},
        Mistake{kAddress,
                "address = \"1.2.3.4:80\"\n[[backend.webs.server]]\nname = \"web1\"\naddress = "
                "\"1.2.3.5:80\"",
                "19:8", "two servers \"web1\"", "its own name"},
        Mistake{"[[backend.webs.server]]", "[backend.webs.server]", "15:1", "a list of tables",
                "[[backend.webs.server]]"},
        // frontends and references
        Mistake{"default_backend = \"webs\"", "default_backend = \"web\"", "11:19",
                "there is no backend \"web\"", "did you mean \"webs\"?"},
        Mistake{"default_backend = \"webs\"", "", "9:1", "nowhere to go",
                "default_backend = \"webs\""},
        Mistake{kBind, "", "9:1", "it has no bind", "bind ="},
        Mistake{kBind, "bind = []", "10:8", "bind is empty", ""},
        Mistake{kBind, "bind = [80]", "10:9", "must be an address", ""},
        Mistake{kBind, "bind = [\"*:80\", \"*:80\"]", "10:17",
                "0.0.0.0:80 is bound already by web on line 10", ""},
        Mistake{kBind, "bind = [\"*:http\"]", "10:9", "not a port", "*:80"},
        Mistake{kBind, "bind = [{ address = \"*:443\", tls = {} }]", "10:30", "tls: known", ""},
        Mistake{kBind, "bind = [\"*:80\"]\ncompression = []", "11:1", "compression: known", ""},
        Mistake{"[frontend.web]", "[frontend.\"a b\"]", "9:1", "cannot be the name of a frontend",
                ""},
        Mistake{"[frontend.web]", "[fronted.x]\n[frontend.web]", "9:2", "unknown key 'fronted'",
                "did you mean \"frontend\"?"},
        Mistake{"[frontend.web]",
                "[listen.webs]\nbind = \"*:81\"\nstats = { uri = \"/\", auth = \"a:b\" "
                "}\n[frontend.web]",
                "9:1", "[backend.webs] already", "another name"},
        Mistake{"[[backend.webs.server]]\nname = \"web1\"\naddress = \"192.168.50.21:80\"", "",
                "12:1", "it has no server", "[[backend.webs.server]]"},
        // defaults and global
        Mistake{"log_format = \"http\"", "log_format = \"clf\"", "6:14", "not built yet", ""},
        Mistake{"log_format = \"http\"", "log_format = \"%ci %cx\"", "6:14",
                "unknown variable \"%cx\" (column 5 of the format)", "did you mean \"%"},
        Mistake{"log_format = \"http\"", "capture_request_headers = \"Host\"", "6:27",
                "must be a list", ""},
        Mistake{"log_format = \"http\"", "capture_request_headers = [\"a b\"]", "6:28",
                "not the name", ""},
        Mistake{"log_format = \"http\"", "capture_request_headers = [{ length = 1 }]", "6:28",
                "needs a name", ""},
        Mistake{"log_format = \"http\"",
                "capture_response_headers = [{ name = \"A\", length = 0 }]", "6:52", "out of range",
                ""},
        Mistake{"log_format = \"http\"", "capture_response_headers = [{ name = \"A\", len = 1 }]",
                "6:43", "unknown key 'len'", "length"},
        Mistake{"log_format = \"http\"", "capture_cookie = [\"A\"]", "6:18",
                "not the name of a cookie", "name ="},
        Mistake{"log_format = \"http\"", "capture_cookie = \"=\"", "6:18",
                "not the name of a cookie", ""},
        Mistake{"log_format = \"http\"", "capture_cookie = { length = 5 }", "6:18", "needs a name",
                ""},
        Mistake{"log_format = \"http\"", "capture_cookie = { name = \"A\", length = 0 }", "6:41",
                "out of range", ""},
        Mistake{"log_format = \"http\"", "capture_cookie = { name = \"A\", len = 1 }", "6:32",
                "unknown key 'len'", "length"},
        Mistake{kBalance, "capture_request_headers = [\"Host\"]", "13:1",
                "unknown key 'capture_request_headers'", ""},
        Mistake{"log_format = \"http\"", "log_format = \"htp\"", "6:14", "unknown log_format",
                "did you mean \"http\"?"},
        Mistake{"log_format = \"http\"", "bind = \"*:80\"", "6:1", "unknown key 'bind' in defaults",
                ""},
        Mistake{"retries = 2", "log_null = \"no\"", "7:12", "true or false", ""},
        Mistake{"retries = 2", "log_errors_only = 1", "7:19", "true or false", ""},
        Mistake{"retries = 2", "log = \"glbal\"", "7:7", "is not where an access log can go",
                "\"global\", \"none\""},
        Mistake{"retries = 2", "log = 1", "7:7", "log must name targets", ""},
        Mistake{"retries = 2", "log = [{ level = \"info\" }]", "7:8", "a log needs a target", ""},
        Mistake{kBalance, "log = \"global\"", "13:1", "unknown key 'log'", ""},
        Mistake{"maxconn = 2000", "maxcon = 2000", "2:1", "unknown key 'maxcon'",
                "did you mean \"maxconn\"?"},
        Mistake{"maxconn = 2000", "workers = 1000", "2:11", "out of range", "0 to 256"},
        Mistake{"maxconn = 2000", "pidfile = \"x.pid\"", "2:11", "absolute path", ""},
        Mistake{"maxconn = 2000", "user = \"\"", "2:8", "cannot be a user", ""},
        Mistake{"maxconn = 2000", "log_tag = \"a b\"", "2:11", "syslog tag", ""},
        Mistake{"maxconn = 2000", "metrics = true", "2:1", "metrics: known", ""},
        Mistake{"target = \"udp:127.0.0.1:514\"",
                "target = \"udp:127.0.0.1:514\"\nfacility = \"local9\"", "5:12", "syslog facility",
                "local"},
        Mistake{"[global]", "[globl]", "1:2", "unknown key 'globl'", "did you mean \"global\"?"}));

TEST(ProxyLoader, ReportsAllMistakesAtOnce) {
  Diagnostics found;
  const auto document = parse_document(
      "[global]\nmaxcon = 1\n[frontend.a]\nbind = \"x\"\ndefault_backend = "
      "\"c\"\n[backend.b]\nretries = true\n",
      "t.toml", "", found);
  EXPECT_FALSE(load_config(document, found));
  EXPECT_EQ(found.sorted().size(), 6U)
      << found.to_string();  // a warning too: no timeout for client
}

TEST(ProxyLoader, ReadsTheCookieToCapture) {
  const auto captured = [](std::string_view value) {
    const Config config = load(replaced(
        "log_format = \"http\"", fmt::format("log_format = \"http\"\ncapture_cookie = {}", value)));
    return *config.frontends[0].capture_cookie;
  };
  const CookieCapture begins = captured("\"ASPSESSIONID\"");
  EXPECT_EQ(begins.name, "ASPSESSIONID");
  EXPECT_FALSE(begins.whole);
  EXPECT_EQ(begins.length, 128U);
  const CookieCapture whole = captured("{ name = \"SID=\", length = 32 }");
  EXPECT_EQ(whole.name, "SID");
  EXPECT_TRUE(whole.whole);
  EXPECT_EQ(whole.length, 32U);
  EXPECT_FALSE(load(kGood).frontends[0].capture_cookie);
  EXPECT_NE(complaints(replaced("bind =", "mode = \"tcp\"\ncapture_cookie = \"A\"\nbind ="))
                .find("capture_cookie needs mode \"http\""),
            std::string::npos);
}

TEST(ProxyLoader, ReadsWhatIsDisabled) {
  const Config config =
      load(replaced("log_format = \"http\"", "log_format = \"http\"\ndisabled = true") +
           "disabled = true\n");
  EXPECT_TRUE(config.frontends[0].disabled) << "from the defaults";
  EXPECT_TRUE(config.backends[0].servers[0].disabled);
  EXPECT_FALSE(load(kGood).backends[0].servers[0].disabled) << "unless it says so";
  EXPECT_FALSE(load(kGood).frontends[0].disabled);
}

TEST(ProxyLoader, WarnsOfTimeoutsThatTrafficNeeds) {
  EXPECT_EQ(
      complaints(replaced("timeout = { connect = \"5s\", client = \"50s\", server = \"40s\" }",
                          "timeout = { connect = \"5s\" }")),
      R"(t.toml:9:1: warning: frontend.web has no timeout for client: a silent client stays for ever
    9 | [frontend.web]
      | ^ timeout = { client = "50s" }
t.toml:12:1: warning: backend.webs has no timeout for server: a silent server holds its request for ever
   12 | [backend.webs]
      | ^ timeout = { server = "50s" }
)");
}

TEST(ProxyLoader, WarnsOfALevelThatHidesTheAccessLog) {
  EXPECT_EQ(
      complaints(replaced("target = \"udp:127.0.0.1:514\"",
                          "target = \"udp:127.0.0.1:514\"\nlevel = \"notice\"")),
      R"(t.toml:5:9: warning: level "notice" hides the access log that log_format asks for on line 7
    5 | level = "notice"
      |         ^ access log lines have level "info"
)");
  // One target that takes it is enough.
  EXPECT_EQ(
      complaints(replaced("[defaults]",
                          "[[global.log]]\ntarget = \"/dev/log\"\nlevel = \"err\"\n[defaults]")),
      "");
  EXPECT_NE(complaints(replaced("[[global.log]]\ntarget = \"udp:127.0.0.1:514\"\n", ""))
                .find("warning: an access log is asked for, and there is nowhere to send it"),
            std::string::npos);
}

TEST(ProxyLoader, WarnsOfALevelThatHidesOneFrontendsAccessLog) {
  const std::string own =
      "bind = [\"*:80\"]\nlog = [{ target = \"udp:10.0.0.1\", level = \"notice\" }]";
  EXPECT_NE(complaints(replaced(kBind, own))
                .find("t.toml:11:43: warning: level \"notice\" hides the access log"),
            std::string::npos)
      << complaints(replaced(kBind, own));
  EXPECT_EQ(complaints(replaced(kBind, "bind = [\"*:80\"]\nlog = [\"global\", { target = "
                                       "\"udp:10.0.0.1\", level = \"notice\" }]")),
            "");
  EXPECT_EQ(complaints(replaced(kBind, "bind = [\"*:80\"]\nlog = \"none\"")), "");
  // Errors alone, as errors: a level that takes those is enough.
  EXPECT_EQ(complaints(replaced(kBind, own + "\nlog_errors_only = true\nlog_separate_errors = true")),
            "");
}

TEST(ProxyLoader, BoundsTheLogTargetsOfAFile) {
  const auto with = [](int targets) {
    std::string list;
    for (int i = 0; i < targets; ++i)
      list += "{ target = \"udp:10.0.0.1:" + std::to_string(1000 + i) + "\" },";
    return complaints(replaced(kBind, "bind = [\"*:80\"]\nlog = [" + list + "]"));
  };
  EXPECT_EQ(with(23), "");  // and one of all
  EXPECT_NE(with(24).find("25 different log targets, and 24 are the most"), std::string::npos)
      << with(24);
}

TEST(ProxyLoader, ReadsWhereAFrontendLogsTo) {
  const auto frontend = [](const std::string& keys) {
    return load(replaced(kBind, "bind = [\"*:80\"]\n" + keys)).frontends.at(0);
  };
  EXPECT_TRUE(frontend("").log_to_global);
  EXPECT_TRUE(frontend("log = \"global\"").log_to_global);
  EXPECT_FALSE(frontend("log = \"none\"").log_to_global);
  EXPECT_TRUE(frontend("log = \"none\"").log.empty());
  const Frontend own = frontend("log = [{ target = \"tcp:10.0.0.1\" }]");
  EXPECT_FALSE(own.log_to_global);
  ASSERT_EQ(own.log.size(), 1U);
  EXPECT_EQ(own.log[0].name(), "tcp:10.0.0.1:514");
  EXPECT_TRUE(frontend("log_separate_errors = true").log_separate_errors);
}

TEST(ProxyLoader, WarnsOfAnOpenStatisticsPage) {
  EXPECT_NE(complaints(replaced(kBalance, "stats = { uri = \"/s\" }"))
                .find("13:9: warning: the statistics page is open"),
            std::string::npos);
}

TEST(ProxyLoader, ReadsWhatToHashAndHow) {
  using Kind = BalanceKey::Kind;
  const auto balance = [](const std::string& value) {
    return load(replaced(kBalance, "balance = " + value)).backends.at(0).balance;
  };
  EXPECT_EQ(balance("\"source\"").key.kind, Kind::Source);
  EXPECT_EQ(balance("\"source\"").hash_function, Balance::HashFunction::Fnv1a);
  EXPECT_EQ(balance("\"source\"\nhash_function = \"siphash\"").hash_function,
            Balance::HashFunction::SipHash);
  EXPECT_EQ(balance("\"uri\"").key.kind, Kind::Uri);
  EXPECT_EQ(balance("\"roundrobin\"").key.kind, Kind::None);
  const Balance uri = balance("{ algorithm = \"uri\", depth = 2, len = 9, whole = true, path_only = true }");
  EXPECT_EQ(uri.key.kind, Kind::Path);
  EXPECT_EQ(uri.key.depth, 2U);
  EXPECT_EQ(uri.key.length, 9U);
  EXPECT_TRUE(uri.key.whole);
  const Balance param = balance("{ url_param = \"userid\", check_post = true }");
  EXPECT_EQ(param.algorithm, Balance::Algorithm::UrlParam);
  EXPECT_EQ(param.key.kind, Kind::Query);
  EXPECT_EQ(param.key.name, "userid");
  EXPECT_TRUE(param.key.check_post);
  EXPECT_EQ(balance("{ algorithm = \"url_param\", name = \"u\" }").key.name, "u");
  const Balance header = balance("{ header = \"Host\", use_domain_only = true }");
  EXPECT_EQ(word(header.algorithm), "hdr");
  EXPECT_EQ(header.key.occurrence, 0);
  EXPECT_TRUE(header.key.domain_only);
  const Balance address =
      balance("{ algorithm = \"hash\", key = \"header:X-Forwarded-For\", mask = 24 }");
  EXPECT_EQ(address.algorithm, Balance::Algorithm::Hash);
  EXPECT_EQ(address.key.kind, Kind::HeaderAddress);
  EXPECT_EQ(address.key.occurrence, -1);
  EXPECT_EQ(address.key.mask, 24U);
  EXPECT_EQ(address.key.mask6, 128U);
  EXPECT_EQ(balance("{ hash = \"header:X\", occurrence = 2 }").key.kind, Kind::Header);
  EXPECT_EQ(balance("{ hash = \"cookie:id\" }").key.name, "id");
  EXPECT_EQ(balance("{ hash = \"query:id\", check_post = true }").key.kind, Kind::Query);
  EXPECT_EQ(balance("{ hash = \"path\", depth = 1 }").key.depth, 1U);
  EXPECT_EQ(balance("{ hash = \"source\", mask = 16 }").key.mask, 16U);
  const Balance ring = balance(
      "\"uri\"\nhash_type = \"consistent\"\nhash_function = \"crc32\"\nhash_key = \"s\"\n"
      "hash_balance_factor = 150");
  EXPECT_EQ(ring.hash_type, Balance::HashType::Consistent);
  EXPECT_EQ(ring.hash_function, Balance::HashFunction::Crc32);
  EXPECT_EQ(ring.hash_key, "s");
  EXPECT_EQ(ring.hash_balance_factor, 150U);
  EXPECT_EQ(balance("{ algorithm = \"random\", draws = 4 }").draws, 4U);
}

TEST(ProxyLoader, HashesOnlyAddressesInTcpMode) {
  const std::string tcp = "mode = \"tcp\"\nbalance = ";
  const auto both = [&](const std::string& balance) {
    std::string text = replaced(kBalance, tcp + balance);
    text.replace(text.find("[frontend.web]"), 14, "[frontend.web]\nmode = \"tcp\"\nlog_format = \"tcp\"");
    return complaints(text);
  };
  EXPECT_EQ(both("\"source\""), "");
  EXPECT_EQ(both("{ hash = \"source\" }"), "");
  EXPECT_NE(both("\"uri\"").find("mode \"tcp\" has none"), std::string::npos);
}

TEST(ProxyLoader, ATcpSectionGoesAroundWhereDefaultsLookAtRequests) {
  for (const char* balance : {"balance = \"uri\"", "balance = { header = \"Host\" }",
                              "balance = { hash = \"query:id\" }\nhash_type = \"consistent\""}) {
    const std::string text =
        "[defaults]\nmode = \"http\"\n" + std::string(balance) +
        "\ntimeout = { connect = \"5s\", client = \"50s\", server = \"40s\" }\n"
        "[listen.web]\nbind = [\"*:80\"]\n"
        "server = [{ name = \"a\", address = \"10.0.0.1:80\" }]\n"
        "[listen.db]\nmode = \"tcp\"\nbind = [\"*:3306\"]\n"
        "server = [{ name = \"a\", address = \"10.0.0.1:3306\" }]\n";
    Diagnostics found;
    const auto config = load_config(parse_document(text, "t.toml", "hap1", found), found);
    ASSERT_TRUE(config) << found.to_string();
    EXPECT_NE(found.to_string().find("t.toml:3:11: warning: balance \""), std::string::npos)
        << found.to_string();
    EXPECT_NE(found.to_string().find("mode \"tcp\" has none: listen.db goes around in turn"),
              std::string::npos);
    EXPECT_EQ(found.sorted().size(), 1u);
    EXPECT_TRUE(config->backends.at(0).balance.hashes());
    EXPECT_EQ(config->backends.at(1).balance.algorithm, Balance::Algorithm::RoundRobin);
  }
}

TEST(ProxyLoader, WarnsOfHashKeysWhereNothingIsHashed) {
  EXPECT_NE(complaints(replaced(kBalance, "hash_type = \"consistent\"")).find("hashes nothing"),
            std::string::npos);
  // What [defaults] say is for those that hash.
  EXPECT_EQ(complaints(replaced("retries = 2", "hash_type = \"consistent\"")), "");
}

TEST(ProxyLoader, ReadsWhenToTryAgain) {
  const auto rules = [](const std::string& lines) {
    return load(replaced(kBalance, lines)).backends.at(0).retry;
  };
  const RetryRules plain = rules("");
  EXPECT_TRUE(plain.conn_failure);
  EXPECT_FALSE(plain.heeds_responses());
  EXPECT_EQ(plain.attempts, 2);
  EXPECT_EQ(plain.budget.percent, 20U);
  EXPECT_TRUE(plain.budget.limited);
  const RetryRules some = rules(
      "retry_on = [\"conn-failure\", \"empty-response\", 503, \"429\"]\nretry_methods = \"any\"\n"
      "retry_budget = { percent = 5, per_second = 1 }");
  EXPECT_TRUE(some.conn_failure && some.empty_response && some.any_method);
  EXPECT_FALSE(some.junk_response || some.response_timeout);
  EXPECT_EQ(some.statuses, (std::vector<int>{503, 429}));
  EXPECT_EQ(some.budget.percent, 5U);
  EXPECT_EQ(some.budget.per_second, 1U);
  const RetryRules all = rules("retry_on = \"all-retryable-errors\"\nretry_budget = false");
  EXPECT_TRUE(all.conn_failure && all.empty_response && all.junk_response && all.response_timeout);
  EXPECT_EQ(all.statuses, (std::vector<int>{500, 502, 503, 504}));
  EXPECT_FALSE(all.budget.limited);
  EXPECT_FALSE(rules("retry_on = \"none\"").conn_failure);
  EXPECT_EQ(rules("retry_budget = 30").budget.percent, 30U);
}

TEST(ProxyLoader, ReadsWhatAServerMayHave) {
  const auto backend = [](const std::string& of_backend, const std::string& of_server) {
    std::string text = replaced(kBalance, of_backend);
    return load(text + of_server).backends.at(0);
  };
  const Backend plain = backend("", "");
  EXPECT_FALSE(plain.servers[0].backup || plain.all_backups);
  EXPECT_EQ(plain.servers[0].slow_start.length, 0s);
  const Backend full = backend(
      "all_backups = true\nmax_queue = 100\nfullconn = 50\nslow_start = \"20s\"",
      "backup = true\nmaxconn = 10\nminconn = 2\nmax_queue = 5\n");
  EXPECT_TRUE(full.servers[0].backup && full.all_backups);
  EXPECT_EQ(full.max_queue, 100U);
  EXPECT_EQ(full.full_conn, 50U);
  EXPECT_EQ(full.servers[0].minconn, 2U);
  EXPECT_EQ(full.servers[0].max_queue, 5U);
  EXPECT_EQ(full.servers[0].slow_start.length, 20s);
  EXPECT_TRUE(full.servers[0].slow_start.at_recovery);
  EXPECT_FALSE(full.servers[0].slow_start.at_start);
  const Backend own =
      backend("slow_start = \"20s\"", "slow_start = { duration = \"5s\", at = \"start\" }\n");
  EXPECT_EQ(own.servers[0].slow_start.length, 5s);
  EXPECT_FALSE(own.servers[0].slow_start.at_recovery);
  EXPECT_TRUE(own.servers[0].slow_start.at_start);
  EXPECT_FALSE(own.servers[0].slow_start.at_takeover);
  const Backend taken_over =
      backend("slow_start = { duration = \"5s\", at = [\"recovery\", \"takeover\"] }", "");
  EXPECT_TRUE(taken_over.servers[0].slow_start.at_recovery);
  EXPECT_TRUE(taken_over.servers[0].slow_start.at_takeover);
}

TEST(ProxyLoader, TakesATenthOfTheClientsForFullLoad) {
  const std::string minconn = "maxconn = 10\nminconn = 2\n";
  EXPECT_EQ(load(std::string(kGood) + minconn).backends[0].full_conn, 200U);
  EXPECT_EQ(load(replaced("default_backend", "maxconn = 500\ndefault_backend") + minconn)
                .backends[0].full_conn,
            50U);
  EXPECT_NE(complaints(replaced("maxconn = 2000", "") + minconn).find("how much is full load"),
            std::string::npos);
}

TEST(ProxyLoader, RefusesLimitsThatMakeNoSense) {
  EXPECT_NE(complaints(std::string(kGood) + "minconn = 2\n").find("minconn without maxconn"),
            std::string::npos);
  EXPECT_NE(complaints(std::string(kGood) + "maxconn = 2\nminconn = 3\n").find("is above maxconn"),
            std::string::npos);
  EXPECT_NE(complaints(std::string(kGood) + "max_queue = 2\n").find("without maxconn"),
            std::string::npos);
  EXPECT_NE(complaints(std::string(kGood) + "backup = 1\n").find("true or false"), std::string::npos);
  EXPECT_NE(complaints(std::string(kGood) + "min_conn = 1\n").find("did you mean \"minconn\"?"),
            std::string::npos);
}

TEST(ProxyLoader, ReadsAFrontendsPriority) {
  EXPECT_EQ(load(replaced("default_backend", "priority = -3\ndefault_backend")).frontends[0].priority, -3);
  EXPECT_NE(complaints(replaced("default_backend", "priority = 3000\ndefault_backend"))
                .find("from -2047 to 2047"),
            std::string::npos);
}

TEST(ProxyLoader, KnowsTheWordsForBalance) {
  using Algorithm = Balance::Algorithm;
  const auto balance = [](const std::string& value) {
    return load(replaced(kBalance, "balance = " + value)).backends.at(0).balance;
  };
  EXPECT_EQ(balance("\"roundrobin\"").algorithm, Algorithm::RoundRobin);
  EXPECT_EQ(balance("\"static-rr\"").algorithm, Algorithm::StaticRoundRobin);
  EXPECT_EQ(balance("\"leastconn\"").algorithm, Algorithm::LeastConnections);
  EXPECT_EQ(balance("\"first\"").algorithm, Algorithm::First);
  EXPECT_EQ(balance("\"source\"").algorithm, Algorithm::Source);
  EXPECT_EQ(balance("\"random\"").draws, 2U);
  EXPECT_EQ(balance("{ random = 3 }").algorithm, Algorithm::Random);
  EXPECT_EQ(balance("{ random = 3 }").draws, 3U);
}

TEST(ProxyLoader, WarnsOfAServerThatFirstWouldNeverLeave) {
  const std::string two_servers =
      "balance = \"first\"\n[[backend.webs.server]]\nname = \"w0\"\naddress = \"10.0.0.9:80\"";
  EXPECT_NE(complaints(replaced(kBalance, two_servers))
                .find("13:11: warning: server \"w0\" has no maxconn: it takes everything"),
            std::string::npos);
  EXPECT_EQ(complaints(replaced(kBalance, two_servers + "\nmaxconn = 5")), "");
}

TEST(ProxyLoader, WantsSomethingToServe) {
  EXPECT_EQ(complaints("[global]\nmaxconn = 1\n"),
            "t.toml: error: there is no [frontend.NAME] and no [listen.NAME]: nothing to serve\n");
}

}  // namespace
}  // namespace hapair::proxy
