// How the daemon stands at one moment, as values: what operators and programs are told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/clock.h"
#include "vrrp/core/effect.h"
#include "vrrp/core/history.h"
#include "vrrp/core/priority.h"
#include "vrrp/runtime/virtual_router.h"

namespace hapair::vrrp {

/// Of one virtual router.
struct InstanceReport {
  /// Something tracked, and its part in the priority.
  struct Part {
    TrackerKind kind = TrackerKind::Script;
    std::string name;
    int weight = 0;
    Verdict verdict = Verdict::Unknown;
    int adds = 0;
  };
  /// A router on the link, and which of the file's nodes it is; empty: none of them.
  struct Router {
    IpAddress address;
    std::string node;
  };
  struct Heard {
    Router from;
    std::uint8_t priority = 0;
    Duration interval{};
    Duration age{};
  };
  struct Address {
    Cidr address;
    std::string interface;
    bool advertised = true;
  };
  /// The last one that this node gave or took.
  struct Handover {
    WallTime at{};
    bool kept = false;  // connections that were established stayed
    std::string text;
    std::optional<Duration> gap{};  // nobody had the addresses for this long at most; as the giver knows it
  };

  std::string name;
  std::string interface;
  int virtual_router_id = 0;
  int version = 2;
  State state = State::Initialize;
  std::optional<WallTime> since{};
  std::string why;      // the last change of state came about
  std::string trouble;  // why it cannot serve; empty while it can
  int base_priority = 0;
  int priority = 0;  // effective
  std::vector<Part> parts{};
  std::vector<Address> addresses{};
  std::optional<Router> master{};  // who lives and holds them, as far as is known here
  std::optional<Heard> heard{};    // last
  std::optional<Handover> handover{};
  std::optional<Rehearsal> drill{};  // the last one that was run from here
  Duration interval{};  // of our adverts
  Duration lease{};     // zero: none
  Duration announce_delay{};
  VirtualRouter::Counters counters{};
};

/// What the other node says of itself over the pair channel.
struct PeerReport {
  struct Instance {
    std::string name;
    std::string state;
    unsigned priority = 0;  // effective
    bool fit = true;        // could serve
    Duration since{};       // in this state
    std::string why;
  };

  std::string node;
  IpAddress address;
  std::optional<Duration> age{};  // of its last message; nothing: none ever came
  bool heard = false;             // it is there; the rest is only known then
  std::string version;
  Duration uptime{};
  std::string proxy;  // how it stands there; empty: nobody looks at it
  bool same_configuration = true;
  std::vector<std::string> differing_keys{};  // as far as they are known
  std::vector<Instance> instances{};
  std::uint64_t refused = 0;  // datagrams that were not believed
};

/// Made by OperatorService; what is said of it (status_text, status_json, metrics) is pure.
struct StatusReport {
  std::string version;
  std::string node;
  int pid = 0;
  WallTime now{};
  Duration uptime{};
  bool wants_guardian = true;
  int guardian_pid = -1;             // -1: it is not running
  std::string proxy{};               // how it stands here; empty: nobody looks at it
  std::optional<PeerReport> peer{};  // nothing: the two do not speak with each other
  std::vector<InstanceReport> instances{};
};

/// What is wrong, a line each. Nothing: every instance is master, or follows one that lives.
std::vector<std::string> troubles(const StatusReport& report);

/// "good", "bad", "unknown".
std::string_view word(Verdict verdict);

}  // namespace hapair::vrrp
