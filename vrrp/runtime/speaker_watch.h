// Listens on a link for others that answer for a virtual router's addresses.
#pragma once

#include <array>
#include <functional>
#include <memory>

#include "common/loop/loop.h"
#include "vrrp/net/speaker_socket.h"

namespace hapair::vrrp {

class SpeakerWatch final : private Watcher {
 public:
  /// `on_speaker` is called from the loop.
  SpeakerWatch(Loop& loop, SpeakerSocket socket, std::function<void(const Speaker&)> on_speaker);
  ~SpeakerWatch();

 private:
  void on_ready(std::uint32_t) override;

  Loop& loop_;
  SpeakerSocket socket_;
  std::function<void(const Speaker&)> on_speaker_;
  std::array<std::uint8_t, 512> buffer_{};
};

}  // namespace hapair::vrrp
