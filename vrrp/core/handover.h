// What a planned handover asks the two nodes of a pair to do, as values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/clock.h"

namespace hapair::vrrp::handover {

// The address moves, and connections that are established stay where they are until they end: who takes it
// passes on, at the link, what belongs to connections it never saw begin, to who gave it, which still
// delivers to the address although it does not answer for it any more.
//
//     giver (master)                      taker (backup)
//     Offered    -- offer -->             forwarding is installed
//                <-- ready --             Ready
//     address to the loopback, resigns
//     Draining   -- go -->                takes the address
//                                         Forwarding
//     last connection ended
//     Done       -- done -->              forwarding is removed
//
// Each node says its step with every message it sends, so a lost one costs a repetition. Either may die at
// any step: then it is an ordinary failover, and what was installed goes with the channel's silence, the
// limits, or the guardian. A node may still be draining from one handover while it takes the address back
// in the next, so giving and taking are two things that know nothing of each other.

/// Delivered here, not answered for.
struct HoldOnLoopback {};
struct ReleaseLoopback {};
/// The election steps back.
struct Give {};
/// How many connections to the addresses are left here: answered by on_connections().
struct Count {};
/// Answered by on_installed().
struct InstallForwarding {};
struct RemoveForwarding {};
/// The election steps forward.
struct Take {};
/// For the log, and for whoever asked.
struct Told {
  std::string text;
  bool failed = false;
};

using Order = std::variant<HoldOnLoopback, ReleaseLoopback, Give, Count, InstallForwarding,
                            RemoveForwarding, Take, Told>;
using Orders = std::vector<Order>;

struct Settings {
  Duration drain_limit = std::chrono::minutes(10);  // of connections that stay with the giver
  Duration patience = std::chrono::seconds(1);      // for the other's next step
  std::string cannot;                               // why the kernel here cannot; empty: it can
};

/// A word that ends something is repeated so long.
inline constexpr Duration kSaid = std::chrono::seconds(3);
/// Neighbours learn within moments who has the address; until then segments come to the giver, also those
/// of connections that began at the taker.
inline constexpr Duration kSettling = std::chrono::seconds(2);

/// What the other node is to be told with every message; an empty word: nothing.
struct Word {
  std::string_view word;
  std::uint64_t id = 0;
  std::string detail;
  friend bool operator==(const Word&, const Word&) = default;
};

}  // namespace hapair::vrrp::handover
