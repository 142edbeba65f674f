// One node's end of the pair channel: what it says is for the other's present life, and so is what it
// believes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/pair_envelope.h"

namespace hapair::vrrp {

/// Pure: the owner carries datagrams and the time.
///
/// Each process draws an epoch when it starts, and says everything to the epoch it knows of the other. So
/// nothing that was recorded in an earlier life of either is believed, and no clock is asked. Who hears
/// the other for the first time, or after its restart, answers it with its own epoch; what comes back to
/// that is proof that the other lives now.
class PairSession {
 public:
  struct Settings {
    Epoch epoch{};          // ours
    Duration patience{};    // silence for longer: the other is not there
  };
  PairSession(Settings settings, KeyRing keys)
      : settings_(settings), keys_(std::move(keys)) {}

  /// Others from here on: what the other signs with a key of before is refused if that is none of them.
  void change(Duration patience, KeyRing keys) {
    settings_.patience = patience;
    keys_ = std::move(keys);
  }

  /// A datagram for the other node.
  Bytes say(std::string payload);

  struct Heard {
    enum class Kind : std::uint8_t {
      Message,   // of the other's present life, newer than what was heard before
      Greeting,  // of somebody whose life we do not know, or who does not know ours: see answer
      Refused,   // forged, replayed, or our own
    };
    Kind kind = Kind::Refused;
    std::string payload;           // of a Message
    std::optional<Bytes> answer;   // to be sent back: who greets may prove himself by it
  };
  Heard on_datagram(ByteView datagram, TimePoint now);

  /// It was heard a moment ago.
  bool is_alive(TimePoint now) const {
    return heard_at_ && now - *heard_at_ <= settings_.patience;
  }
  /// When that ends; kNever: it is not alive.
  TimePoint deadline(TimePoint now) const {
    return is_alive(now) ? *heard_at_ + settings_.patience + Duration(1) : kNever;
  }
  std::uint64_t refused() const { return refused_; }

 private:
  Bytes say_to(const Epoch& to, std::string payload);

  Settings settings_;
  KeyRing keys_;
  std::uint64_t sequence_ = 0;
  std::optional<Epoch> peer_;       // its present life
  std::uint64_t peer_sequence_ = 0;
  std::vector<Epoch> past_;         // its lives that are over; few
  std::optional<TimePoint> heard_at_;
  TimePoint answered_at_ = TimePoint::min();
  std::uint64_t refused_ = 0;
};

}  // namespace hapair::vrrp
