// The channel between the two nodes of a pair at work: says what there is to say, in time.
#pragma once

#include <array>
#include <functional>
#include <memory>

#include "common/key_ring.h"
#include "common/loop/loop.h"
#include "common/pair_message.h"
#include "vrrp/core/pair_session.h"
#include "vrrp/net/pair_socket.h"

namespace hapair::vrrp {

/// Who speaks and listens. Called from the loop, never from within a call of the channel's.
class PairSpeaker {
 public:
  virtual PairMessage compose() = 0;
  virtual void on_message(const PairMessage& message) = 0;
  /// Nothing was heard for a while: the other node is gone, or the way to it.
  virtual void on_silence() = 0;

 protected:
  ~PairSpeaker() = default;
};

/// Lives on its loop's thread and dies before the loop.
class PairChannel final : private Watcher {
 public:
  struct Settings {
    IpAddress own, other;
    std::uint16_t port = 0;
    Duration interval{};  // between two messages, at most
    Duration patience{};  // silence for longer: the other is not there
  };
  static Result<std::unique_ptr<PairChannel>> open(Loop& loop, const Settings& settings,
                                                   const KeyRing& keys, PairSpeaker& speaker);
  ~PairChannel();

  /// From here on; what was heard stays heard.
  void change(Duration interval, Duration patience, const KeyRing& keys);
  /// Something changed that the other should hear: once this turn is over.
  void say_soon() { timer_.arm(loop_.now()); }
  /// Before this returns.
  void say();
  /// Nothing is said until told otherwise.
  void mute(bool muted) { muted_ = muted; }
  bool is_alive() const { return alive_; }
  std::uint64_t refused() const { return session_.refused(); }

 private:
  PairChannel(Loop& loop, const Settings& settings, const KeyRing& keys, PairSpeaker& speaker,
              PairSocket socket);
  void on_ready(std::uint32_t) override;
  void hear();
  void on_datagram(ByteView datagram);
  void judge_silence();

  Loop& loop_;
  Settings settings_;
  PairSpeaker& speaker_;
  PairSocket socket_;
  PairSession session_;
  Timer timer_;    // to speak
  Timer silence_;
  bool alive_ = false;
  bool muted_ = false;
  std::array<std::uint8_t, PairEnvelope::kLargest> buffer_{};
};

}  // namespace hapair::vrrp
