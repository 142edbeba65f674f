#include "common/pair_message.h"

#include <gtest/gtest.h>

#include "common/pair_envelope.h"

namespace hapair {
namespace {

using namespace std::chrono_literals;

PairMessage message() {
  return {.node = "hap1",
          .version = "0.1.0",
          .uptime = 90s,
          .proxy = "serving",
          .config_digest = "abcd",
          .instances = {{.name = "VI 1",
                         .state = "MASTER",
                         .priority = 103,
                         .fit = true,
                         .since = 1500ms,
                         .cause = "no master was heard"},
                        {.name = "db", .state = "FAULT", .cause = "the proxy is hung"}},
          .handovers = {{.step = "refuse", .instance = "VI 1", .id = 7, .detail = "no nftables"}},
          .drills = {{.verb = "probe", .detail = "192.168.50.10:80"}},
          .keys = {{"vrrp.instance.VI 1.priority", "00ff"}}};
}

TEST(PairMessage, ComesBackAsItWasSaid) {
  EXPECT_EQ(decode_pair_message(encode(message())), message());
  PairMessage small{.node = "hap2"};
  EXPECT_EQ(decode_pair_message(encode(small)), small);
}

TEST(PairMessage, KeepsALineFeedInAValueFromBecomingALine) {
  PairMessage sly = message();
  sly.instances[0].cause = "x\ninstance-state FAULT";
  const auto heard = decode_pair_message(encode(sly));
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->instances[0].state, "MASTER");
  EXPECT_EQ(heard->instances[0].cause, "x instance-state FAULT");
}

TEST(PairMessage, HearsOnlySoMuchOfADrill) {
  PairMessage talkative = message();
  talkative.drills.assign(100, {.verb = std::string(1000, 'v'), .detail = std::string(1000, 'd')});
  const auto heard = decode_pair_message(encode(talkative));
  ASSERT_TRUE(heard);
  ASSERT_EQ(heard->drills.size(), PairMessage::kMostDrills);
  EXPECT_EQ(heard->drills.back().verb, std::string(PairMessage::kLongestDrill, 'v'));
  EXPECT_EQ(heard->drills.back().detail, std::string(PairMessage::kLongestDrill, 'd'));
}

TEST(PairMessage, PassesOverWhatALaterVersionAddsAndRefusesWhatIsNone) {
  EXPECT_EQ(decode_pair_message(encode(message()) + "colour blue\n"), message());
  for (const char* text : {"", "hapair-pair 2\nnode a\n", "hapair-pair 1\n",
                           "hapair-pair 1\nnode a\nuptime x\n",
                           "hapair-pair 1\nnode a\nuptime -5\n",
                           "hapair-pair 1\nnode a\ninstance x\ninstance-priority high\n",
                           "hapair-pair 1\nnode a\nhandover offer seven x\n"})
    EXPECT_FALSE(decode_pair_message(text)) << text;
}

const KeyRing kKeys{{{.id = 3, .secret = std::string(32, 'k')}, {.id = 4, .secret = std::string(32, 'l')}}};

PairEnvelope envelope() {
  return {.from = {1}, .to = {2}, .sequence = 77, .payload = "hello"};
}

TEST(PairEnvelope, IsOpenedByWhoeverHasTheKey) {
  EXPECT_EQ(unseal(seal(envelope(), kKeys.keys[0]), kKeys), envelope());
  EXPECT_EQ(unseal(seal(envelope(), kKeys.keys[1]), kKeys), envelope());
  const KeyRing other{{{.id = 3, .secret = std::string(32, 'z')}}};
  EXPECT_FALSE(unseal(seal(envelope(), kKeys.keys[0]), other));
  EXPECT_FALSE(unseal(seal(envelope(), kKeys.keys[1]), other)) << "no such id";
}

TEST(PairEnvelope, IsNothingWhenAnyBitIsChangedOrAByteMissing) {
  const Bytes whole = seal(envelope(), kKeys.keys[0]);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(unseal(flipped, kKeys)) << "bit " << bit;
  }
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(unseal(ByteView(whole).first(size), kKeys)) << size;
}

}  // namespace
}  // namespace hapair
