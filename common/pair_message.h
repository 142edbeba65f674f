// What the two nodes of a pair tell each other, as a value and as text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"

namespace hapair {

/// Said several times a second, and at once when something changed.
struct PairMessage {
  struct Instance {
    std::string name;
    std::string state;          // "MASTER", "BACKUP", "FAULT" …
    unsigned priority = 0;      // effective
    bool fit = false;           // could serve
    Duration since{};           // in this state
    std::string cause;
    friend bool operator==(const Instance&, const Instance&) = default;
  };
  /// A step of a planned handover (core/handover.h). `id` names the handover.
  struct Handover {
    std::string step;           // "offer", "ready", "refuse", "go", "drained", "done" …
    std::string instance;
    std::uint64_t id = 0;
    std::string detail;         // why it is refused
    friend bool operator==(const Handover&, const Handover&) = default;
  };
  /// Something asked of the other node by a drill, or its answer (vrrp/core/drill.h).
  struct Drill {
    std::string verb;
    std::string detail;
    friend bool operator==(const Drill&, const Drill&) = default;
  };

  /// What is more or longer than this is passed over.
  static constexpr std::size_t kMostDrills = 16;
  static constexpr std::size_t kLongestDrill = 512;  // bytes, of the verb and of the detail

  std::string node;
  std::string version;          // of the program
  Duration uptime{};
  std::string proxy;            // "serving", "hung" …; empty: nobody looks at it
  std::string config_digest;
  std::vector<Instance> instances;
  std::vector<Handover> handovers;
  std::vector<Drill> drills;
  /// Digests of single keys of the configuration, as far as they fit, when the whole ones differ.
  std::vector<std::pair<std::string, std::string>> keys;
  friend bool operator==(const PairMessage&, const PairMessage&) = default;
};

/// Lines of "key value". Line feeds inside values become blanks.
std::string encode(const PairMessage& message);
/// Nothing: it is none of this version. Lines of a later one are passed over.
std::optional<PairMessage> decode_pair_message(std::string_view text);

}  // namespace hapair
