// Keeps the sequence numbers of authenticated adverts where the next process finds them: it would
// believe replays without them, and would not be believed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vrrp/core/codec_memory.h"
#include "vrrp/runtime/port.h"
#include "vrrp/runtime/run_file.h"

namespace hapair::vrrp {

/// In `vrrp-sequences` of the run directory, for instances whose numbers no clock gives: with an
/// authentication header, or signed with anti_replay = "monotonic".
class SequenceKeeper {
 public:
  using Ports = std::vector<std::unique_ptr<Port>>;

  SequenceKeeper(const std::string& run_directory, Logger& log)
      : file_(run_directory, "vrrp-sequences", log) {}

  /// Before the first packet.
  void resume(const Ports& ports);
  /// Once a turn, when the turn's packets are out.
  void save(const Ports& ports);

 private:
  RunFile file_;
  CodecMemories saved_;
};

}  // namespace hapair::vrrp
