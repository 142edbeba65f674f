#include "ctl/drill_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hapair::ctl {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Words = std::vector<std::string_view>;

Result<DrillOptions> parse(const Words& words) {
  return DrillOptions::parse(words, "/run/x.sock");
}

std::string mistake(const Words& words) {
  const auto parsed = parse(words);
  return parsed ? "none" : parsed.error().message;
}

TEST(DrillOptions, AreWhatWasTyped) {
  const auto options =
      parse({"kill-proxy", "--instance", "VI 1", "--probe", "http://192.168.50.10/healthz",
             "--limit", "200", "--hold", "5", "--json", "--socket", "/run/y.sock"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->kind, vrrp::drill::Kind::KillProxy);
  EXPECT_EQ(options->instance, "VI 1");
  EXPECT_EQ(options->probe->name, "http://192.168.50.10/healthz");
  EXPECT_EQ(options->limit, 200ms);
  EXPECT_EQ(options->hold, 5s);
  EXPECT_TRUE(options->json);
  EXPECT_EQ(options->socket, "/run/y.sock");
}

TEST(DrillOptions, HaveTheirDefaults) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_FALSE(options->kind);
  EXPECT_FALSE(options->limit);
  EXPECT_EQ(options->hold, 3s);
  EXPECT_EQ(options->socket, "/run/x.sock");
}

TEST(DrillOptions, AreRefusedWithARemedy) {
  EXPECT_THAT(mistake({"kil-proxy"}), HasSubstr("did you mean kill-proxy?"));
  EXPECT_THAT(mistake({"dance"}), HasSubstr("hapair drill lists them"));
  EXPECT_THAT(mistake({"switchover", "failover"}), HasSubstr("one drill at a time"));
  EXPECT_THAT(mistake({"--colour"}), HasSubstr("no option --colour"));
  for (const char* limit : {"", "-1", "1.5", "soon"})
    EXPECT_THAT(mistake({"--limit", limit}), HasSubstr("--limit needs milliseconds")) << limit;
  EXPECT_THAT(mistake({"--limit"}), HasSubstr("--limit needs"));
  for (const char* hold : {"0", "61", "3s"})
    EXPECT_THAT(mistake({"--hold", hold}), HasSubstr("from 1 to 60")) << hold;
  for (const char* name : {"", "a\nb"})
    EXPECT_THAT(mistake({"--instance", name}), HasSubstr("--instance needs")) << name;
  EXPECT_THAT(mistake({"--socket"}), HasSubstr("--socket needs"));
}

TEST(ProbeTarget, IsAnAddressWithAPortOrAUrl) {
  struct Case {
    const char* text;
    const char* address;
    const char* request;
  };
  for (const auto& [text, address, request] :
       {Case{"192.168.50.10:80", "192.168.50.10:80", ""},
        Case{"[2001:db8::10]:443", "[2001:db8::10]:443", ""},
        Case{"http://192.168.50.10", "192.168.50.10:80",
             "GET / HTTP/1.1\r\nHost: 192.168.50.10\r\n"},
        Case{"http://192.168.50.10:8080/a?b", "192.168.50.10:8080",
             "GET /a?b HTTP/1.1\r\nHost: 192.168.50.10:8080\r\n"},
        Case{"http://[2001:db8::10]/", "[2001:db8::10]:80",
             "GET / HTTP/1.1\r\nHost: [2001:db8::10]\r\n"}}) {
    const auto target = ProbeTarget::parse(text);
    ASSERT_TRUE(target) << text << ": " << target.error().message;
    EXPECT_EQ(target->address.to_string(), address) << text;
    EXPECT_TRUE(target->request.starts_with(request)) << target->request;
    EXPECT_EQ(target->request.empty(), *request == '\0');
  }
  for (const char* text : {"", "web", "192.168.50.10", "http://", "http://web/",
                           "https://192.168.50.10/", "http://192.168.50.10/a b"})
    EXPECT_FALSE(ProbeTarget::parse(text)) << text;
}

}  // namespace
}  // namespace hapair::ctl
