// Any bytes as a datagram of the pair channel, and as the message inside one, also where a key signed it:
// no input may do harm, nothing unsigned is believed, and what is read is what writing it again gives.
#include <array>
#include <cstdint>
#include <cstdlib>

#include "common/health_message.h"
#include "common/pair_envelope.h"
#include "common/pair_message.h"
#include "vrrp/core/pair_session.h"

namespace {

using namespace hapair;
using namespace hapair::vrrp;
using Kind = PairSession::Heard::Kind;

constexpr TimePoint kNow{std::chrono::hours(1)};

KeyRing keys() { return KeyRing{{{.id = 1, .secret = std::string(32, 'k')}}}; }

PairSession session(std::uint8_t number) {
  Epoch epoch{};
  epoch.fill(number);
  return PairSession({.epoch = epoch, .patience = std::chrono::seconds(1)}, keys());
}

void check_message(std::string_view text) {
  const auto message = decode_pair_message(text);
  if (message && decode_pair_message(encode(*message)) != message) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const ByteView input(bytes, size);
  const std::string text(input.begin(), input.end());
  check_message(text);
  (void)decode_health(text);

  PairSession ours = session(1);
  if (ours.on_datagram(input, kNow).kind == Kind::Message) std::abort();
  // Carried by the other node, it comes as it was. (Nothing at all is a greeting.)
  if (text.empty() || text.size() > PairEnvelope::kLargest - PairEnvelope::kOverhead) return 0;
  PairSession theirs = session(2);
  const auto greeting = ours.on_datagram(theirs.say(""), kNow);
  if (!greeting.answer) std::abort();
  (void)theirs.on_datagram(*greeting.answer, kNow);
  const Bytes carried = theirs.say(text);
  const auto heard = ours.on_datagram(carried, kNow);
  if (heard.kind != Kind::Message || heard.payload != text) std::abort();
  if (ours.on_datagram(carried, kNow).kind != Kind::Refused) std::abort();
  return 0;
}
