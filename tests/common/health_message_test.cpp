#include "common/health_message.h"

#include <gtest/gtest.h>

#include "common/health_config.h"

namespace hapair {
namespace {

using namespace std::chrono_literals;

const HealthMessage kMessage{.state = HealthMessage::State::Draining,
                             .sequence = 12,
                             .interval = 100ms,
                             .workers = 4,
                             .unserved = {"web", "api"}};

TEST(HealthMessage, ComesBackAsItWasSaid) {
  EXPECT_EQ(decode_health(encode(kMessage)), kMessage);
  EXPECT_EQ(encode(kMessage),
            "hapair-health 1\nstate draining\nsequence 12\ninterval 100\nworkers 4\n"
            "unserved web\nunserved api\n");
}

TEST(HealthMessage, PassesOverWhatALaterVersionAdds) {
  EXPECT_EQ(decode_health(encode(kMessage) + "temperature 37\nnoblank\n"), kMessage);
}

TEST(HealthMessage, RefusesWhatIsNone) {
  for (const char* text :
       {"", "hapair-health 2\nstate serving\ninterval 100\n", "hapair-health 1\n",
        "hapair-health 1\nstate serving\n", "hapair-health 1\ninterval 100\n",
        "hapair-health 1\nstate well\ninterval 100\n",
        "hapair-health 1\nstate serving\ninterval 0\n",
        "hapair-health 1\nstate serving\ninterval 100\nsequence x\n"})
    EXPECT_FALSE(decode_health(text)) << text;
}

HealthSocket read(std::string_view text, std::string* mistakes = nullptr) {
  Diagnostics diagnostics;
  const ConfigDocument document = parse_document(text, "t.toml", "", diagnostics);
  TableReader root(document.root, "", diagnostics);
  static const ConfigNode kEmpty;
  auto global = root.table("global");
  if (!global) global.emplace(kEmpty, "global", diagnostics);
  const HealthSocket socket = read_health_socket(*global, document.root);
  if (mistakes) *mistakes = diagnostics.to_string();
  return socket;
}

TEST(HealthSocket, IsWantedByAnInstanceThatTracksTheProxyOrByName) {
  EXPECT_FALSE(read("").is_wanted);
  EXPECT_FALSE(read("[vrrp.instance.a]\ntrack_proxy = false").is_wanted);
  EXPECT_TRUE(read("[vrrp.instance.a]\ntrack_proxy = true").is_wanted);
  EXPECT_TRUE(read("[vrrp.instance.a]\ntrack_proxy = { weight = -3 }").is_wanted);
  EXPECT_TRUE(read("[global]\nhealth_socket = \"/run/x.sock\"").is_wanted);
  EXPECT_EQ(read("[global]\nhealth_socket = \"/run/x.sock\"").path, "/run/x.sock");
  EXPECT_EQ(read("[global]\nhealth_interval = \"50ms\"").interval, 50ms);
}

TEST(HealthSocket, NamesAPathThatCannotBe) {
  std::string mistakes;
  read("[global]\nhealth_socket = \"x.sock\"", &mistakes);
  EXPECT_NE(mistakes.find("t.toml:2:17: error: \"x.sock\" cannot be the path of a socket"),
            std::string::npos)
      << mistakes;
}

}  // namespace
}  // namespace hapair
