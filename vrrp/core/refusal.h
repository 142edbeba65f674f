// Why a packet was not believed.
#pragma once

#include <cstddef>
#include <string_view>

namespace hapair::vrrp {

/// Each has a counter at the virtual router; none ever touches a timer.
enum class Refusal {
  Header,        // not a whole IP packet of the protocol we listen to
  Ttl,           // not 255: it came through a router
  OwnAddress,    // our own source address: an echo or an impostor
  Stranger,      // a source that is no peer of ours, or not on this link
  Length,        // too short to be an advert
  Version,       // not ours
  Type,          // not 1 (advertisement)
  Vrid,          // another virtual router on this link: normal, silent
  Count,         // the address count does not fit the length
  Checksum,      // damaged on the way, or forged without care
  AuthKind,      // the sender authenticates in another way, or not at all
  Password,      // wrong password
  Key,           // signed with a key we do not have
  Signature,     // wrong key, or changed on the way
  Clock,         // signed at a time too far from ours: one of the two clocks is wrong
  Replay,        // was heard before
  Interval,      // RFC 3768 7.1: the interval must be ours; version 3: 0 is none
};
inline constexpr std::size_t kRefusals = 17;

/// A few words for logs: "bad checksum", "advertisement interval mismatch".
std::string_view to_string(Refusal refusal);
/// One word for counters: "checksum", "interval".
std::string_view counter_name(Refusal refusal);

}  // namespace hapair::vrrp
