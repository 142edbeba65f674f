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
    std::string kind;  // "script"
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
  Duration interval{};             // of our adverts
  Duration lease{};                // zero: none
  Duration announce_delay{};
  VirtualRouter::Counters counters{};
};

/// Made by OperatorService; what is said of it (status_text, status_json, metrics) is pure.
struct StatusReport {
  std::string version;
  std::string node;
  int pid = 0;
  WallTime now{};
  Duration uptime{};
  bool wants_guardian = true;
  int guardian_pid = -1;  // -1: it is not running
  std::vector<InstanceReport> instances{};
};

/// What is wrong, a line each. Nothing: every instance is master, or follows one that lives.
std::vector<std::string> troubles(const StatusReport& report);

/// "good", "bad", "unknown".
std::string_view word(Verdict verdict);

}  // namespace hapair::vrrp
