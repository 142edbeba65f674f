// The stories of HAProxy's cookie modes; bytes and letters are those that 2.6.12 was seen to send.
#include "proxy/exchange/persistence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_encoder.h"

namespace hapair::exchange {
namespace {

using proxy::CookiePersistence;
using Mode = CookiePersistence::Mode;
using namespace std::chrono_literals;

const WallTime kNow{std::chrono::seconds(1795229797)};  // 'awEIa', with the three seconds on top

std::string date(Duration ago) {
  const auto text = encode_cookie_date(cookie_date(kNow - ago));
  return {text.data(), text.size()};
}

/// A backend with a cookie, servers s0, s1, …, and one visitor after another.
class Shop {
 public:
  explicit Shop(CookiePersistence settings, std::vector<std::string> cookies = {"S1", "S2"})
      : settings_(std::move(settings)) {
    settings_.name = "SRV";
    for (std::size_t i = 0; i < cookies.size(); ++i) {
      proxy::Server server;
      server.name = "s" + std::to_string(i);
      server.address = *SocketAddress::parse("10.0.0." + std::to_string(i + 1) + ":80");
      server.cookie = cookies[i];
      farm.push_back(std::make_shared<balance::Server>(
          balance::Server::Settings{.name = server.name, .address = server.address}));
      servers_.push_back(std::move(server));
    }
    persistence_.emplace(settings_, servers_);
  }
  Shop(const Shop&) = delete;

  /// One exchange; the server is the one the visit is tied to, or `otherwise`.
  /// "LETTERS sN | what the server sees of cookies | what the visitor gets".
  std::string visit(const std::string& cookies, const std::string& response = "",
                    int otherwise = 0, const std::string& method = "GET") {
    const std::string request = method + " / HTTP/1.1\r\nHost: a\r\n" +
                                (cookies.empty() ? "" : "Cookie: " + cookies + "\r\n") + "\r\n";
    http::RequestHead head;
    EXPECT_EQ(http::parse_request_head(request, head).status, http::HeadStatus::Complete);
    Visit visit;
    persistence_->read(head, farm, kNow, visit);
    std::string seen(request.size() + http::kEncoderRoom, 0);
    http::RequestEdits request_edits;
    request_edits.cuts = &visit.cuts;
    seen.resize(http::encode_request_head(head, request_edits, seen.data()));

    const auto home = std::find_if(visit.servers.begin(), visit.servers.end(), [&](int server) {
      return farm[static_cast<std::size_t>(server)]->up();
    });
    const int server = home == visit.servers.end() ? otherwise : *home;
    const std::string bytes = "HTTP/1.1 200 OK\r\n" + response + "Content-Length: 0\r\n\r\n";
    http::ResponseHead answer;
    EXPECT_EQ(http::parse_response_head(bytes, answer).status, http::HeadStatus::Complete);
    Reminder reminder;
    persistence_->answer(visit, server, head, answer, kNow, reminder);
    std::string got(bytes.size() + http::kEncoderRoom + 4096, 0);
    http::ResponseEdits edits;
    edits.cuts = &reminder.cuts;
    edits.add_lines = reminder.added();
    got.resize(http::encode_response_head(answer, edits, got.data()));

    std::string out{Persistence::letter(visit, server), reminder.letter};
    out += " s" + std::to_string(server) + " |";
    const auto cookie = seen.find("Cookie: ");
    if (cookie != seen.npos) out += " " + seen.substr(cookie + 8, seen.find('\r', cookie) - cookie - 8);
    out += " |";
    const auto begin = got.find("\r\n") + 2;
    for (std::string rest = got.substr(begin); rest != "\r\n"; rest = rest.substr(rest.find("\r\n") + 2))
      if (const std::string line = rest.substr(0, rest.find("\r\n")); line != "Content-Length: 0")
        out += " " + line;
    return out;
  }

  std::string value(int server) { return std::string(persistence_->value(server)); }

  balance::Farm farm;

 private:
  CookiePersistence settings_;
  std::vector<proxy::Server> servers_;
  std::optional<Persistence> persistence_;
};

TEST(CookieInsert, IsGivenOnceAndSeenByTheServer) {
  Shop shop({});
  EXPECT_EQ(shop.visit(""), "NI s0 | | set-cookie: SRV=S1; path=/");
  EXPECT_EQ(shop.visit("SRV=S1"), "VN s0 | SRV=S1 |");
  EXPECT_EQ(shop.visit("a=1; SRV=S2; b=2"), "VN s1 | a=1; SRV=S2; b=2 |");
}

TEST(CookieInsert, AnUnknownOneIsInvalidAndReplaced) {
  Shop shop({});
  EXPECT_EQ(shop.visit("SRV=S9", "", 1), "II s1 | SRV=S9 | set-cookie: SRV=S2; path=/");
  EXPECT_EQ(shop.visit("SRV=", "", 1), "II s1 | SRV= | set-cookie: SRV=S2; path=/");
  EXPECT_EQ(shop.visit("SRV=\"S1\""), "II s0 | SRV=\"S1\" | set-cookie: SRV=S1; path=/");
}

TEST(CookieInsert, OfSeveralOneThatIsGoodDecides) {
  Shop shop({});
  EXPECT_EQ(shop.visit("SRV=S9; SRV=S2; SRV=S1"), "VN s1 | SRV=S9; SRV=S2; SRV=S1 |");
}

TEST(CookieInsert, ADownServerMeansAnotherAndANewCookie) {
  Shop shop({});
  shop.farm[0]->set_health(health::Health::Down);
  EXPECT_EQ(shop.visit("SRV=S1", "", 1), "DI s1 | SRV=S1 | set-cookie: SRV=S2; path=/");
}

TEST(CookieInsert, AServerWithWeightZeroKeepsItsVisitors) {
  Shop shop({});
  shop.farm[0]->set_weight(0);
  EXPECT_EQ(shop.visit("SRV=S1"), "VN s0 | SRV=S1 |");
}

TEST(CookieInsert, ServersMayShareACookie) {
  Shop shop({}, {"A", "B", "A"});
  EXPECT_EQ(shop.visit("SRV=A"), "VN s0 | SRV=A |");
  shop.farm[0]->set_health(health::Health::Down);
  EXPECT_EQ(shop.visit("SRV=A"), "VN s2 | SRV=A |");
  shop.farm[2]->set_health(health::Health::Down);
  EXPECT_EQ(shop.visit("SRV=A", "", 1), "DI s1 | SRV=A | set-cookie: SRV=B; path=/");
}

TEST(CookieInsert, ReplacesWhatTheApplicationSetsUnderThatName) {
  Shop shop({});
  EXPECT_EQ(shop.visit("", "Set-Cookie: SRV=app\r\nSet-Cookie: x=1\r\n"),
            "NI s0 | | Set-Cookie: x=1 set-cookie: SRV=S1; path=/");
  EXPECT_EQ(shop.visit("SRV=S1", "Set-Cookie: SRV=app\r\n"), "VD s0 | SRV=S1 |");
}

TEST(CookieInsert, PreservesWhatTheApplicationSetsIfAskedTo) {
  Shop shop({.indirect = true, .preserve = true});
  EXPECT_EQ(shop.visit(""), "NI s0 | | set-cookie: SRV=S1; path=/");
  const std::string end = "Set-Cookie: SRV=; Max-Age=0\r\n";
  EXPECT_EQ(shop.visit("", end), "NP s0 | | Set-Cookie: SRV=; Max-Age=0");
  EXPECT_EQ(shop.visit("SRV=S1", end), "VP s0 | | Set-Cookie: SRV=; Max-Age=0");
}

TEST(CookieInsert, IndirectKeepsItFromTheServer) {
  Shop shop({.indirect = true});
  EXPECT_EQ(shop.visit("SRV=S1"), "VN s0 | |");
  EXPECT_EQ(shop.visit("a=1; SRV=S2; b=2"), "VN s1 | a=1; b=2 |");
  EXPECT_EQ(shop.visit("a=1; SRV=S9"), "II s0 | a=1 | set-cookie: SRV=S1; path=/");
}

TEST(CookieInsert, SaysAllThatIsAskedForInHAProxysOrder) {
  Shop shop({.indirect = true,
             .nocache = true,
             .httponly = true,
             .secure = true,
             .domains = {".ex.com", ".ex.org"},
             .attributes = {"SameSite=Lax", "Priority=High"},
             .max_idle = 30min,
             .max_life = 8h});
  EXPECT_EQ(shop.visit(""),
            "NI s0 | | set-cookie: SRV=S1|awEIa|awEIa; path=/; domain=.ex.com; domain=.ex.org; "
            "HttpOnly; Secure; SameSite=Lax; Priority=High");
}

TEST(CookieInsert, MakesACacheableResponsePrivate) {
  Shop shop({.nocache = true});
  EXPECT_EQ(shop.visit("", "ETag: x\r\n"),
            "NI s0 | | ETag: x set-cookie: SRV=S1; path=/ cache-control: private");
  EXPECT_EQ(shop.visit("", "ETag: x\r\nCache-Control: no-store\r\n"),
            "NI s0 | | ETag: x Cache-Control: no-store set-cookie: SRV=S1; path=/");
  EXPECT_EQ(shop.visit("", "ETag: x\r\n", 0, "POST"), "NI s0 | | ETag: x set-cookie: SRV=S1; path=/");
  EXPECT_EQ(shop.visit("SRV=S1", "ETag: x\r\n"), "VN s0 | SRV=S1 | ETag: x");
}

TEST(CookieInsert, PostOnlyWaitsForALogin) {
  Shop shop({.postonly = true});
  EXPECT_EQ(shop.visit(""), "NN s0 | |");
  EXPECT_EQ(shop.visit("", "", 0, "POST"), "NI s0 | | set-cookie: SRV=S1; path=/");
}

TEST(CookieInsert, AServerWithoutOneTakesTheVisitorsAway) {
  Shop shop({}, {"", "S2"});
  EXPECT_EQ(shop.visit(""), "NN s0 | |");
  EXPECT_EQ(shop.visit("SRV=S9"),
            "II s0 | SRV=S9 | set-cookie: SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/");
}

TEST(CookieDates, AreRefreshedWhenTheyChange) {
  Shop shop({.max_idle = 30min, .max_life = 8h});
  const std::string now = date(0s), before = date(10min);
  EXPECT_EQ(now, "awEIa");
  EXPECT_EQ(shop.visit("SRV=S1|" + now + "|" + before), "VN s0 | SRV=S1|" + now + "|" + before + " |");
  EXPECT_EQ(shop.visit("SRV=S1|" + before + "|" + before),
            "VU s0 | SRV=S1|" + before + "|" + before + " | set-cookie: SRV=S1|" + now + "|" + before +
                "; path=/");
}

TEST(CookieDates, MissingOnesAreAcceptedAndGiven) {
  Shop shop({.indirect = true, .max_idle = 30min, .max_life = 8h});
  const std::string fresh = " | | set-cookie: SRV=S1|awEIa|awEIa; path=/";
  EXPECT_EQ(shop.visit("SRV=S1"), "VU s0" + fresh);
  EXPECT_EQ(shop.visit("SRV=S1|" + date(10min)), "VU s0" + fresh);
  EXPECT_EQ(shop.visit("SRV=S1|x|y"), "VU s0" + fresh);
}

TEST(CookieDates, EndAVisit) {
  Shop shop({.indirect = true, .max_idle = 30min, .max_life = 8h});
  const std::string fresh = " s1 | | set-cookie: SRV=S2|awEIa|awEIa; path=/";
  const auto visit = [&](Duration last, Duration first) {
    return shop.visit("SRV=S1|" + date(last) + "|" + date(first), "", 1);
  };
  EXPECT_EQ(visit(31min, 31min), "EI" + fresh);
  EXPECT_EQ(visit(10min, 9h), "OI" + fresh);
  EXPECT_EQ(visit(-2h, -2h), "VN s0 | |");  // a clock in another time zone
  EXPECT_EQ(visit(-25h, -25h), "OI" + fresh);
}

TEST(CookieDates, WithMaxLifeAloneAreGivenOnce) {
  Shop shop({.indirect = true, .max_life = 8h});
  EXPECT_EQ(shop.visit(""), "NI s0 | | set-cookie: SRV=S1|awEIa|awEIa; path=/");
  EXPECT_EQ(shop.visit("SRV=S1|" + date(1h) + "|" + date(1h)), "VN s0 | |");
  EXPECT_EQ(shop.visit("SRV=S1"), "VU s0 | | set-cookie: SRV=S1|awEIa|awEIa; path=/");
}

TEST(CookieDates, WithMaxIdleAloneNameTheLastVisit) {
  Shop shop({.indirect = true, .max_idle = 30min});
  EXPECT_EQ(shop.visit(""), "NI s0 | | set-cookie: SRV=S1|awEIa; path=/");
  EXPECT_EQ(shop.visit("SRV=S1|" + date(1min) + "|" + date(1min)),
            "VU s0 | | set-cookie: SRV=S1|awEIa; path=/");
}

TEST(CookieDates, OfAConfigurationBeforeAreTakenOff) {
  Shop shop({.indirect = true});
  const std::string plain = "VU s1 | | set-cookie: SRV=S2; path=/";
  EXPECT_EQ(shop.visit("SRV=S2|" + date(10min)), plain);
  EXPECT_EQ(shop.visit("SRV=S2|" + date(10h) + "|" + date(30h)), plain);
  EXPECT_EQ(shop.visit("SRV=S2|" + date(0s) + "|" + date(0s)), plain);
  EXPECT_EQ(shop.visit("SRV=S2||" + date(1min)), plain);
  EXPECT_EQ(shop.visit("SRV=S2|" + date(0s)), "VN s1 | |");
  EXPECT_EQ(shop.visit("SRV=S2|" + date(-1h)), "VN s1 | |");
  EXPECT_EQ(shop.visit("SRV=S2|xx"), "VN s1 | |");
  EXPECT_EQ(shop.visit("SRV=S9|" + date(10min)), "II s0 | | set-cookie: SRV=S1; path=/");
  EXPECT_EQ(Shop({.mode = Mode::Rewrite}).visit("SRV=S2|" + date(10min), ""),
            "VN s1 | SRV=S2|" + date(10min) + " |");
  Shop idle({.indirect = true, .max_idle = 30min});  // has had a max_life
  EXPECT_EQ(idle.visit("SRV=S2|" + date(0s) + "|" + date(1h)),
            "VU s1 | | set-cookie: SRV=S2|awEIa; path=/");
}

TEST(CookieDates, AWordThatHasTheirMarkIsAWord) {
  Shop shop({}, {"S1", "S1|awEIa"});
  EXPECT_EQ(shop.visit("SRV=S1|awEIa"), "VN s1 | SRV=S1|awEIa |");
}

TEST(CookieDates, TheFirstStaysWithAVisitorWhoMustMove) {
  Shop shop({.indirect = true, .max_idle = 30min, .max_life = 8h});
  const std::string dates = "|" + date(1min) + "|" + date(1h);
  const std::string moved = " s1 | | set-cookie: SRV=S2|awEIa|" + date(1h) + "; path=/";
  EXPECT_EQ(shop.visit("SRV=S9" + dates, "", 1), "II" + moved);
  shop.farm[0]->set_health(balance::Health::Down);
  EXPECT_EQ(shop.visit("SRV=S1" + dates, "", 1), "DI" + moved);
}

TEST(CookieDates, AreReadAsTheyAreWritten) {
  for (const std::uint32_t date : {1U, 63U, 64U, 448807450U, 0x3fffffffU}) {
    const auto text = encode_cookie_date(date);
    EXPECT_EQ(decode_cookie_date({text.data(), text.size()}), date);
  }
  EXPECT_EQ(decode_cookie_date("awEI"), 0U);
  EXPECT_EQ(decode_cookie_date("aw*Ia"), 0U);
}

TEST(CookiePrefix, StandsBeforeTheApplicationsValue) {
  Shop shop({.mode = Mode::Prefix});
  EXPECT_EQ(shop.visit(""), "NN s0 | |");
  EXPECT_EQ(shop.visit("", "Set-Cookie: SRV=abc; path=/\r\n", 1),
            "NR s1 | | Set-Cookie: SRV=S2~abc; path=/");
  EXPECT_EQ(shop.visit("SRV=S2~abc; x=1"), "VN s1 | SRV=abc; x=1 |");
  EXPECT_EQ(shop.visit("SRV=S1~abc",
                       "Set-Cookie: SRV=new\r\nSet-Cookie: SRV=newer\r\nSet-Cookie: other=1\r\n"),
            "VR s0 | SRV=abc | Set-Cookie: SRV=S1~new Set-Cookie: SRV=S1~newer Set-Cookie: other=1");
}

TEST(CookiePrefix, OfAnUnknownServerIsStrippedToo) {
  Shop shop({.mode = Mode::Prefix});
  EXPECT_EQ(shop.visit("SRV=abc"), "IN s0 | SRV=abc |");
  EXPECT_EQ(shop.visit("SRV=S9~abc"), "IN s0 | SRV=abc |");
  EXPECT_EQ(shop.visit("SRV=~abc"), "IN s0 | SRV=abc |");
  EXPECT_EQ(shop.visit("SRV=S1"), "VN s0 | SRV=S1 |");
  EXPECT_EQ(shop.visit("SRV=S1~a~b"), "VN s0 | SRV=a~b |");
}

TEST(CookiePrefix, OfADownServerGoesToAnotherWithoutIt) {
  Shop shop({.mode = Mode::Prefix});
  shop.farm[0]->set_health(health::Health::Down);
  EXPECT_EQ(shop.visit("SRV=S1~abc", "Set-Cookie: SRV=new\r\n", 1),
            "DR s1 | SRV=abc | Set-Cookie: SRV=S2~new");
}

TEST(CookieRewrite, PutsTheServerIntoTheApplicationsCookie) {
  Shop shop({.mode = Mode::Rewrite});
  EXPECT_EQ(shop.visit(""), "NN s0 | |");
  EXPECT_EQ(shop.visit("", "Set-Cookie: SRV=abc; path=/\r\n", 1), "NR s1 | | Set-Cookie: SRV=S2; path=/");
  EXPECT_EQ(shop.visit("SRV=S2; x=1", "Set-Cookie: SRV=\r\n"),
            "VR s1 | SRV=S2; x=1 | Set-Cookie: SRV=S2");
}

TEST(CookieRewrite, AServerWithoutACookiePassesTheApplications) {
  Shop shop({.mode = Mode::Rewrite}, {"", "S2"});
  EXPECT_EQ(shop.visit("", "Set-Cookie: SRV=abc\r\n"), "NP s0 | | Set-Cookie: SRV=abc");
}

TEST(CookieDynamic, ValuesComeFromAddressAndKeyAlone) {
  CookiePersistence settings{.dynamic_key = "hello"};
  Shop here(settings, {"", "", "S3"}), there(settings, {"", "", "S3"});
  EXPECT_EQ(here.value(0).size(), 16U);
  EXPECT_NE(here.value(0), here.value(1));
  EXPECT_EQ(here.value(2), "S3");  // its own word
  EXPECT_EQ(here.value(0), there.value(0));
  EXPECT_EQ(there.visit("SRV=" + here.value(1)), "VN s1 | SRV=" + here.value(1) + " |");
  settings.dynamic_key = "other";
  EXPECT_NE(Shop(settings, {""}).value(0), here.value(0));
}

TEST(CookieDynamic, AServerAtAUnixSocketIsKnownByIt) {
  std::vector<proxy::Server> servers(3);
  servers[0].approach.unix_socket = UnixAddress{"/run/a", false};
  servers[1].approach.unix_socket = UnixAddress{"/run/b", false};
  servers[2].approach.unix_socket = UnixAddress{"/run/a", false};
  const CookiePersistence settings{.name = "SRV", .dynamic_key = "hello"};
  const Persistence made(settings, servers);
  EXPECT_NE(made.value(0), made.value(1));
  EXPECT_EQ(made.value(0), made.value(2));
}

TEST(PersistenceLetter, IsDownForAVisitorWhoWasSentOn) {
  const std::vector<int> servers = {0};
  const Visit visit{.servers = servers, .letter = 'V'};
  EXPECT_EQ(Persistence::letter(visit, 0), 'V');
  EXPECT_EQ(Persistence::letter(visit, 1), 'D');
  EXPECT_EQ(Persistence::letter(visit, balance::kNoServer), 'V');
}

}  // namespace
}  // namespace hapair::exchange
