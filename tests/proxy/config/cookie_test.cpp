// `cookie`, a backend's and its servers', as the file says it.
#include <gtest/gtest.h>

#include <string>

#include "tests/proxy/config/one_backend.h"

namespace hapair::proxy {
namespace {

using namespace std::chrono_literals;

/// A backend with this `cookie` (line 6), and servers with these (lines 10 and 14).
std::string file(const std::string& cookie, const std::string& first = "cookie = \"S1\"",
                 const std::string& second = "cookie = \"S2\"", const std::string& mode = "http") {
  return "[listen.app]\n"
         "mode = \"" + mode + "\"\n"
         "bind = [\"*:80\"]\n"
         "timeout = { connect = \"5s\", client = \"50s\", server = \"50s\" }\n"
         "balance = \"roundrobin\"\n" +
         cookie + "\n"
         "[[listen.app.server]]\n"
         "name = \"lamp1\"\n"
         "address = \"10.0.0.1:80\"\n" +
         first + "\n"
         "[[listen.app.server]]\n"
         "name = \"lamp2\"\n"
         "address = \"10.0.0.2:80\"\n" +
         second + "\n";
}

TEST(CookieOfTheFile, SaysNameAndModeAndNothingMore) {
  const Backend backend = load(file("cookie = { name = \"SRVNAME\", mode = \"insert\" }"));
  ASSERT_TRUE(backend.cookie);
  EXPECT_EQ(backend.cookie->name, "SRVNAME");
  EXPECT_EQ(backend.cookie->mode, CookiePersistence::Mode::Insert);
  EXPECT_FALSE(backend.cookie->indirect || backend.cookie->nocache || backend.cookie->postonly ||
               backend.cookie->preserve || backend.cookie->httponly || backend.cookie->secure ||
               backend.cookie->dated());
  EXPECT_EQ(backend.servers.at(1).cookie, "S2");
  EXPECT_EQ(load(file("cookie = { name = \"A\", mode = \"prefix\" }")).cookie->mode,
            CookiePersistence::Mode::Prefix);
  EXPECT_EQ(load(file("cookie = { name = \"A\", mode = \"rewrite\" }")).cookie->mode,
            CookiePersistence::Mode::Rewrite);
  EXPECT_FALSE(load(file("", "", "")).cookie);
}

TEST(CookieOfTheFile, SaysEverythingAnInsertedOneCanBe) {
  const auto cookie =
      load(file("cookie = { name = \"S\", mode = \"insert\", indirect = true, nocache = true, "
                "postonly = true, preserve = true, httponly = true, secure = true, domain = "
                "[\".a.org\", \".b.org\"], attr = \"SameSite=Lax\", max_idle = \"30m\", max_life = "
                "\"8h\", dynamic = true, key = \"k\" }",
                "", ""))
          .cookie;
  ASSERT_TRUE(cookie);
  EXPECT_TRUE(cookie->indirect && cookie->nocache && cookie->postonly && cookie->preserve &&
              cookie->httponly && cookie->secure);
  EXPECT_EQ(cookie->domains, (std::vector<std::string>{".a.org", ".b.org"}));
  EXPECT_EQ(cookie->attributes, std::vector<std::string>{"SameSite=Lax"});
  EXPECT_EQ(cookie->max_idle, 30min);
  EXPECT_EQ(cookie->max_life, 8h);
  EXPECT_EQ(cookie->dynamic_key, "k");
}

TEST(CookieOfTheFile, IsInheritedButNotByTcp) {
  const std::string defaults =
      "[defaults]\ncookie = { name = \"S\", mode = \"insert\" }\n";
  EXPECT_TRUE(load(defaults + file("")).cookie);
  EXPECT_FALSE(load(defaults + file("", "", "", "tcp")).cookie);
}

TEST(CookieOfTheFile, MistakesAreSaidInTheirPlaceWithARemedy) {
  const auto table = [](const std::string& words) { return file("cookie = { " + words + " }"); };
  const std::string good = "name = \"S\", mode = \"insert\"";
  EXPECT_EQ(complaints(file("cookie = \"S\"")).substr(0, 4), "6:10");
  EXPECT_EQ(complaints(table("mode = \"insert\"")),
            "6:10 a cookie needs a name -> name = \"SRVNAME\"\n");
  EXPECT_EQ(complaints(table("name = \"S\"")),
            "6:10 a cookie needs a mode -> mode = \"insert\", \"prefix\" or \"rewrite\"\n");
  EXPECT_EQ(complaints(table("name = \"S\", mode = \"insrt\"")),
            "6:31 unknown mode \"insrt\" -> did you mean \"insert\"?\n");
  EXPECT_EQ(complaints(table("name = \"S S\", mode = \"insert\"")),
            "6:19 \"S S\" cannot be the name of a cookie -> letters, digits and the marks of RFC "
            "6265, as \"SRVNAME\"\n");
  EXPECT_EQ(complaints(table(good + ", indirct = true")),
            "6:41 unknown key 'indirct' in listen.app.cookie -> did you mean \"indirect\"?\n");
  EXPECT_EQ(complaints(table(good + ", domain = \"a;b\"")),
            "6:50 \"a;b\" cannot stand in a Set-Cookie field -> as \".example.com\"\n");
  EXPECT_EQ(complaints(table(good + ", max_idle = \"10ms\"")).substr(0, 4), "6:52");
  EXPECT_EQ(complaints(table(good + ", secure = \"yes\"")).substr(0, 4), "6:50");
  EXPECT_EQ(complaints(table(good + ", attr = \"" + std::string(1100, 'x') + "\"")),
            "6:10 name, domains and attributes take 1110 bytes -> 1024 together at most\n");
}

TEST(CookieOfTheFile, ADynamicOneNeedsItsKeyAndTheKeyNeedsIt) {
  const auto table = [](const std::string& words) {
    return file("cookie = { name = \"S\", mode = \"insert\", " + words + " }");
  };
  EXPECT_EQ(complaints(table("dynamic = true")),
            "6:51 the values are made with a key, and there is none -> key = \"…\", the same on both "
            "nodes\n");
  EXPECT_EQ(complaints(table("key = \"k\"")),
            "6:47 a key is for values that are made -> dynamic = true\n");
  EXPECT_EQ(complaints(table("dynamic = true, key = \"\"")),
            "6:63 the key is empty -> as long and as random as a password\n");
}

TEST(CookieOfTheFile, ServersOfOneAddressWouldHaveOneMadeWord) {
  const auto at = [](const std::string& first, const std::string& second,
                     const std::string& word = "") {
    return "[listen.app]\nbind = [\"*:80\"]\n"
           "timeout = { connect = \"5s\", client = \"50s\", server = \"50s\" }\n"
           "cookie = { name = \"S\", mode = \"insert\", dynamic = true, key = \"k\" }\n"
           "[[listen.app.server]]\nname = \"one\"\naddress = \"" +
           first +
           "\"\n"
           "[[listen.app.server]]\nname = \"two\"\naddress = \"" +
           second + "\"\n" + word;
  };
  const std::string warning =
      "10:11 servers \"one\" and \"two\" have one address, and so the same word in the cookie -> "
      "cookie = \"S2\" tells them apart\n";
  EXPECT_EQ(complaints(at("10.0.0.1:80", "10.0.0.1:80")), warning);
  EXPECT_EQ(complaints(at("unix:/run/a", "unix:/run/a")), warning);
  EXPECT_EQ(complaints(at("10.0.0.1:80", "10.0.0.1:80", "cookie = \"S2\"\n")), "");
  EXPECT_EQ(complaints(at("10.0.0.1:80", "10.0.0.1:81")), "");
  EXPECT_EQ(complaints(at("unix:/run/a", "unix:/run/b")), "");
}

TEST(CookieOfTheFile, OtherModesHaveNoWordsForOurOwnCookie) {
  for (const char* words :
       {"indirect = true", "nocache = true", "postonly = true", "preserve = true",
        "httponly = true", "secure = true", "domain = \"a\"", "attr = \"a\"", "max_idle = \"1h\"",
        "max_life = \"1h\""})
    for (const std::string mode : {"prefix", "rewrite"})
      EXPECT_NE(complaints(file("cookie = { name = \"S\", mode = \"" + mode + "\", " + words + " }"))
                    .find("needs mode \"insert\""),
                std::string::npos)
          << mode << " " << words;
}

TEST(CookieOfTheFile, IsForHttp) {
  EXPECT_NE(complaints(file("cookie = { name = \"S\", mode = \"insert\" }", "", "", "tcp"))
                .find("6:10 cookie needs mode \"http\" -> mode = \"http\""),
            std::string::npos);
}

TEST(CookieOfTheFile, AServersMayNotHoldWhatHasAMeaning) {
  const auto with = [](const std::string& cookie, const std::string& value) {
    return complaints(file("cookie = { name = \"S\", " + cookie + " }", "cookie = " + value));
  };
  const std::string insert = "mode = \"insert\"", prefix = "mode = \"prefix\"";
  for (const char* value : {"\"\"", "\"a b\"", "\"a;b\"", "\"a,b\"", "'a\"b'", "'a\\b'", "\"ä\""})
    EXPECT_NE(with(insert, value).find("cannot be the value of a cookie"), std::string::npos) << value;
  EXPECT_NE(with(insert, "\"" + std::string(129, 'x') + "\"").find("1 to 128"), std::string::npos);
  EXPECT_EQ(with(insert, "\"a~b|c\""), "");
  EXPECT_EQ(with(prefix, "\"a|b\""), "");
  EXPECT_EQ(with(prefix, "\"a~b\""),
            "10:10 '~' in \"a~b\" would be taken for the mark between the server and the application's "
            "value -> another value, as \"S1\"\n");
  EXPECT_EQ(with(insert + ", max_life = \"8h\"", "\"a|b\""),
            "10:10 '|' in \"a|b\" would be taken for the mark before the dates -> another value, as "
            "\"S1\"\n");
}

TEST(CookieOfTheFile, WithoutItsOtherHalfIsWarnedOf) {
  EXPECT_EQ(complaints(file("", "cookie = \"S1\"", "")),
            "10:10 it has no effect: the backend has no cookie -> cookie = { name = \"SRVNAME\", mode "
            "= \"insert\" } in the backend\n");
  EXPECT_EQ(complaints(file("cookie = { name = \"S\", mode = \"insert\" }", "", "")),
            "6:10 no server has a cookie: nobody is kept on his server -> cookie = \"S1\" at the first "
            "server, \"S2\" at the next\n");
  EXPECT_EQ(complaints(file("cookie = { name = \"S\", mode = \"insert\" }", "", "cookie = \"S2\"")), "");
}

}  // namespace
}  // namespace hapair::proxy
