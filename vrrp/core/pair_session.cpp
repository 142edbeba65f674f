#include "vrrp/core/pair_session.h"

#include <algorithm>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// Greetings may be replayed: they are answered this often.
constexpr Duration kBetweenAnswers = 50ms;
// Lives of the other that cannot come back.
constexpr std::size_t kPast = 64;

}  // namespace

Bytes PairSession::say(std::string payload) {
  return say_to(peer_.value_or(Epoch{}), std::move(payload));
}

Bytes PairSession::say_to(const Epoch& to, std::string payload) {
  return seal({.from = settings_.epoch,
               .to = to,
               .sequence = ++sequence_,
               .payload = std::move(payload)},
              keys_.keys.front());
}

PairSession::Heard PairSession::on_datagram(ByteView datagram, TimePoint now) {
  const auto refuse = [this] {
    ++refused_;
    return Heard{};
  };
  auto envelope = unseal(datagram, keys_);
  if (!envelope || envelope->from == settings_.epoch ||
      std::ranges::find(past_, envelope->from) != past_.end())
    return refuse();
  const bool known = peer_ == envelope->from;
  if (envelope->to != settings_.epoch) {
    // Not said to us as we are now. The other may not know that we live, or is someone of the past:
    // the answer reaches only who can read it, and changes nothing here.
    Heard heard{.kind = Heard::Kind::Greeting};
    if (answered_at_ == TimePoint::min() || now - answered_at_ >= kBetweenAnswers) {
      answered_at_ = now;
      heard.answer = say_to(envelope->from, {});
    }
    return heard;
  }
  // It knows our epoch, so it was said in this life of ours.
  if (known && envelope->sequence <= peer_sequence_) return refuse();
  if (!known) {
    if (peer_) past_.push_back(*peer_);
    if (past_.size() > kPast) past_.erase(past_.begin());
    peer_ = envelope->from;
  }
  peer_sequence_ = envelope->sequence;
  heard_at_ = now;
  // An answer to a greeting of ours says only that somebody is there.
  return {.kind = envelope->payload.empty() ? Heard::Kind::Greeting : Heard::Kind::Message,
          .payload = std::move(envelope->payload)};
}

}  // namespace hapair::vrrp
