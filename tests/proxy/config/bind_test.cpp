#include "proxy/config/bind.h"

#include <gtest/gtest.h>

#include "proxy/config/loader.h"

namespace hapair::proxy {
namespace {

/// A frontend whose `bind` (and what stands beside it) is `keys`.
std::string file(std::string_view keys) {
  return fmt::format(R"([defaults]
timeout = {{ connect = "5s", client = "50s", server = "40s" }}
[backend.webs]
[[backend.webs.server]]
name = "web1"
address = "192.168.50.21:80"
[frontend.web]
default_backend = "webs"
{}
)",
                     keys);
}

std::vector<Bind> binds(std::string_view keys) {
  Diagnostics found;
  const auto config = load_config(parse_document(file(keys), "t.toml", "hap1", found), found);
  EXPECT_TRUE(config) << found.to_string();
  EXPECT_EQ(found.to_string(), "");
  return config ? config->frontends[0].binds : std::vector<Bind>{};
}

std::string complaints(std::string_view keys) {
  Diagnostics found;
  load_config(parse_document(file(keys), "t.toml", "hap1", found), found);
  std::string out;
  for (const Diagnostic& diagnostic : found.sorted())
    out += fmt::format("{}:{} {} ({})\n", diagnostic.where.line, diagnostic.where.column,
                       diagnostic.message, diagnostic.hint);
  return out;
}

TEST(Bind, HasManyForms) {
  const auto list = binds(R"(bind = ["*:80", ":81", "192.168.50.10:80", "[::]:80", "[::1]:8080",
                             "unix:/run/hapair/web.sock", "unix:@web", "fd@3", "fd@web.socket"])");
  std::string words;
  for (const Bind& bind : list) words += bind.socket.to_string() + " ";
  EXPECT_EQ(words,
            "0.0.0.0:80 0.0.0.0:81 192.168.50.10:80 [::]:80 [::1]:8080 unix:/run/hapair/web.sock "
            "unix:@web fd@3 fd@web.socket ");
  ASSERT_EQ(list.size(), 9U);
  EXPECT_EQ(std::get<UnixAddress>(list[5].socket.at), (UnixAddress{"/run/hapair/web.sock", false}));
  EXPECT_EQ(std::get<UnixAddress>(list[6].socket.at), (UnixAddress{"web", true}));
  EXPECT_EQ(std::get<InheritedSocket>(list[7].socket.at), (InheritedSocket{3, ""}));
  EXPECT_EQ(std::get<InheritedSocket>(list[8].socket.at), (InheritedSocket{-1, "web.socket"}));
  EXPECT_EQ(list[0].number, 1);
  EXPECT_EQ(list[8].number, 9);
  EXPECT_EQ(list[0].socket.backlog, 4096);
  EXPECT_TRUE(list[3].socket.v6only);
  EXPECT_EQ(list[5].socket.mode, 0660U);
}

TEST(Bind, MayBeOneAddressWithoutAList) {
  EXPECT_EQ(binds("bind = \"*:80\"").at(0).socket.to_string(), "0.0.0.0:80");
  EXPECT_EQ(binds("bind = { address = \"*:80\" }").at(0).socket.to_string(), "0.0.0.0:80");
}

TEST(Bind, MakesAListenerOfEachPortOfARange) {
  const auto list = binds("bind = [\"127.0.0.1:8000-8003\", \"[::1]:9000-9000\"]");
  ASSERT_EQ(list.size(), 5U);
  EXPECT_EQ(list[0].socket.to_string(), "127.0.0.1:8000");
  EXPECT_EQ(list[3].socket.to_string(), "127.0.0.1:8003");
  EXPECT_EQ(list[3].number, 4);
  EXPECT_EQ(list[4].socket.to_string(), "[::1]:9000");
  EXPECT_EQ(binds("bind = \"*:1-65535\"").size(), 65535U);
}

TEST(Bind, TakesOptionsInATable) {
  const auto list = binds(R"(backlog = 100
bind = [{ address = "[::]:80", interface = "eth1", v6only = false, backlog = 7, defer_accept = true, tfo = true },
        { address = "unix:/run/web.sock", mode = "0666", user = "root", group = "www-data" }, "*:81"])");
  ASSERT_EQ(list.size(), 3U);
  const ListenSocket& inet = list[0].socket;
  EXPECT_EQ(inet.interface, "eth1");
  EXPECT_FALSE(inet.v6only);
  EXPECT_EQ(inet.backlog, 7);
  EXPECT_TRUE(inet.defer_accept);
  EXPECT_TRUE(inet.fast_open);
  const ListenSocket& local = list[1].socket;
  EXPECT_EQ(local.mode, 0666U);
  EXPECT_EQ(local.user, "root");
  EXPECT_EQ(local.group, "www-data");
  EXPECT_EQ(local.backlog, 100);  // the frontend's, for those that do not say
  EXPECT_EQ(list[2].socket.backlog, 100);
}

TEST(Bind, IsTheSameSocketOnlyIfNothingDiffers) {
  const auto socket = [](std::string_view keys) { return binds(keys).at(0).socket; };
  const ListenSocket plain = socket("bind = \"*:80\"");
  EXPECT_EQ(plain, socket("bind = [{ address = \"0.0.0.0:80\" }]"));
  EXPECT_NE(plain, socket("bind = \"*:81\""));
  EXPECT_NE(plain, socket("bind = { address = \"*:80\", interface = \"lo\" }"));
  EXPECT_NE(plain, socket("bind = { address = \"*:80\", backlog = 1 }"));
  EXPECT_NE(socket("bind = \"unix:/a\""), socket("bind = \"unix:@/a\""));
  EXPECT_NE(socket("bind = \"unix:/a\""),
            socket("bind = { address = \"unix:/a\", mode = \"0600\" }"));
}

TEST(Bind, MayStandOncePerInterface) {
  EXPECT_EQ(binds("bind = [{ address = \"*:80\", interface = \"a\" }, "
                  "{ address = \"*:80\", interface = \"b\" }, \"*:80\", \"[::]:80\"]")
                .size(),
            4U);
}

struct Mistake {
  const char* keys;
  const char* complaint;
};
class BindMistake : public testing::TestWithParam<Mistake> {};

TEST_P(BindMistake, IsSaidInItsPlaceWithARemedy) {
  EXPECT_EQ(complaints(GetParam().keys), std::string(GetParam().complaint) + "\n");
}

#define FORMS                                                                                    \
  " (as \"*:80\", \"[::]:80\", \"*:8000-8010\", \"unix:/run/hapair/web.sock\" or \"fd@3\")"
#define ONE_EACH " (one listener for each address and port)"

INSTANTIATE_TEST_SUITE_P(
    All, BindMistake,
    testing::Values(
        Mistake{"bind = \"*:8010-8000\"",
                "9:8 the range of ports 8010-8000 ends before it begins" FORMS},
        Mistake{"bind = \"*:80-\"", "9:8 '' is not a port: a number from 1 to 65535" FORMS},
        Mistake{"bind = \"*:80-x\"", "9:8 'x' is not a port: a number from 1 to 65535" FORMS},
        Mistake{"bind = \"*:80-65536\"",
                "9:8 '65536' is not a port: a number from 1 to 65535" FORMS},
        Mistake{"bind = \"*:0-5\"", "9:8 '0' is not a port: a number from 1 to 65535" FORMS},
        Mistake{"bind = [\"*:80\", \"eth0:80\"]",
                "9:17 'eth0' is not an IP address (names are not looked up)" FORMS},
        Mistake{"bind = [\"*:8005\", \"*:8000-8010\"]",
                "9:19 0.0.0.0:8005 is bound already by web on line 9" ONE_EACH},
        Mistake{"bind = [\"unix:/a\", \"unix:/a\"]",
                "9:20 unix:/a is bound already by web on line 9" ONE_EACH},
        Mistake{"bind = [\"fd@4\", \"fd@4\"]",
                "9:17 fd@4 is bound already by web on line 9" ONE_EACH},
        Mistake{"bind = [\"*:80\", { address = \"[::]:80\", v6only = false }]",
                "9:29 0.0.0.0:80 is bound already by web on line 9" ONE_EACH},
        Mistake{"bind = \"unix:web.sock\"",
                "9:8 'unix:web.sock': the path of a Unix socket begins with '/'" FORMS},
        Mistake{"bind = \"unix:\"", "9:8 'unix:' names no socket" FORMS},
        Mistake{"bind = \"unix:@\"", "9:8 'unix:@' names no socket" FORMS},
        Mistake{"bind = \"/run/web.sock\"",
                "9:8 '/run/web.sock' is no address (did you mean \"unix:/run/web.sock\"?)"},
        Mistake{"bind = \"unix@/run/web.sock\"",
                "9:8 'unix@/run/web.sock' is no address (did you mean \"unix:/run/web.sock\"?)"},
        Mistake{"bind = \"abns@web\"",
                "9:8 'abns@web' is no address (did you mean \"unix:@web\"?)"},
        Mistake{"bind = \"fd@\"", "9:8 'fd@' names no descriptor" FORMS},
        Mistake{"bind = \"fd@2\"",
                "9:8 '2' is no descriptor one can inherit: a number from 3 on" FORMS},
        Mistake{"bind = \"fd@99999999999\"",
                "9:8 '99999999999' is no descriptor one can inherit: a number from 3 on" FORMS},
        Mistake{"bind = \"fd@a:b\"", "9:8 'a:b' cannot be the name of a descriptor" FORMS},
        Mistake{"bind = { address = \"*:80\", v6only = false }",
                "9:37 this listener cannot have v6only (it is for IPv6 addresses, as \"[::]:80\")"},
        Mistake{"bind = { address = \"*:80\", mode = \"0600\" }",
                "9:35 this listener cannot have mode (it is for the file of a Unix socket, as "
                "\"unix:/run/…\")"},
        Mistake{"bind = { address = \"unix:@a\", group = \"root\" }",
                "9:39 this listener cannot have group (it is for the file of a Unix socket, as "
                "\"unix:/run/…\")"},
        Mistake{"bind = { address = \"unix:/a\", mode = \"rw\" }",
                "9:38 \"rw\" is not a file's mode (in octal digits, as \"0660\")"},
        Mistake{"bind = { address = \"unix:/a\", mode = \"4755\" }",
                "9:38 \"4755\" is not a file's mode (in octal digits, as \"0660\")"},
        Mistake{"bind = { address = \"unix:/a\", mode = 660 }",
                "9:38 mode must be a string, not a whole number (in quotes: \"660\")"},
        Mistake{"bind = { address = \"unix:/a\", user = \"a b\" }",
                "9:38 \"a b\" cannot be a user (user = \"www-data\")"},
        Mistake{"bind = { address = \"unix:/a\", interface = \"eth0\" }",
                "9:43 this listener cannot have interface (it is for TCP)"},
        Mistake{"bind = { address = \"unix:/a\", defer_accept = true }",
                "9:46 this listener cannot have defer_accept (it is for TCP)"},
        Mistake{"bind = { address = \"fd@3\", backlog = 5 }",
                "9:38 this listener cannot have backlog (whoever opened the socket has decided "
                "that)"},
        Mistake{"bind = { address = \"*:80\", interface = \"a/b\" }",
                "9:40 \"a/b\" cannot be the name of an interface (as \"eth1\")"},
        Mistake{"bind = { address = \"*:80\", interface = \"0123456789abcdef\" }",
                "9:40 \"0123456789abcdef\" cannot be the name of an interface (as \"eth1\")"},
        Mistake{"bind = { address = \"*:80\", backlog = 0 }",
                "9:38 backlog is 0, out of range (a number from 1 to 1048576)"},
        Mistake{"bind = { address = \"*:80\", interfaces = \"a\" }",
                "9:28 unknown key 'interfaces' in frontend.web.bind (did you mean \"interface\"?)"},
        Mistake{"bind = { interface = \"a\" }",
                "9:8 a bind needs an address (address = \"*:80\")\n"
                "9:10 unknown key 'interface' in frontend.web.bind (known here: address)"},
        Mistake{"bind = { address = \"*:80\", tls = {} }",
                "9:28 tls: known, but not built yet (leave it out for now)"}));

TEST(Defaults, MayHaveKeysOfBothModes) {
  // tcp for most, and one section that says http: the page and the field are for that one.
  Diagnostics found;
  const auto config = load_config(parse_document(R"([defaults]
mode = "tcp"
log_format = "http"
forwarded_for = true
connection = "server-close"
stats = { uri = "/stats", auth = "a:b" }
timeout = { connect = "5s", client = "50s", server = "40s" }
[[global.log]]
target = "/dev/log"
[listen.relay]
bind = "*:1"
[[listen.relay.server]]
name = "a"
address = "10.0.0.1:1"
[listen.web]
mode = "http"
bind = "*:2"
[[listen.web.server]]
name = "a"
address = "10.0.0.1:2"
)",
                                                 "t.toml", "", found),
                                  found);
  ASSERT_TRUE(config) << found.to_string();
  ASSERT_EQ(config->frontends.size(), 2U);
  EXPECT_EQ(config->frontends[0].mode, Mode::Tcp);
  EXPECT_EQ(config->frontends[0].log_format, LogFormat::Tcp);
  EXPECT_EQ(config->frontends[1].mode, Mode::Http);
  EXPECT_EQ(config->frontends[1].log_format, LogFormat::Http);
  EXPECT_EQ(config->frontends[1].connection, ConnectionMode::ServerClose);
  EXPECT_TRUE(config->backends[1].forwarded_for);
}

TEST(Defaults, AreJudgedAllTheSame) {
  Diagnostics found;
  load_config(parse_document("[defaults]\nmode = \"tpc\"\nconection = \"close\"\n[listen.a]\nbind = "
                             "\"*:1\"\nstats = { uri = \"/\", auth = \"a:b\" }\nmode = \"http\"\n"
                             "timeout = { client = \"1s\" }\n",
                             "t.toml", "", found),
              found);
  std::string all;
  for (const Diagnostic& diagnostic : found.sorted())
    all += fmt::format("{}:{} {}\n", diagnostic.where.line, diagnostic.where.column,
                       diagnostic.message);
  EXPECT_EQ(all, "2:8 unknown mode \"tpc\"\n3:1 unknown key 'conection' in defaults\n");
}

}  // namespace
}  // namespace hapair::proxy
