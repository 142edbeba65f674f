// What a virtual router counts, by the names that text, JSON and documentation use.
#pragma once

#include <cstdint>
#include <string_view>

#include "vrrp/runtime/virtual_router.h"

namespace hapair::vrrp {

struct NamedCounter {
  std::string_view name;
  std::uint64_t VirtualRouter::Counters::*value;
};

/// All but the refusals, whose names are counter_name()'s.
inline constexpr NamedCounter kCounters[] = {
    {"adverts_received", &VirtualRouter::Counters::received},
    {"adverts_sent", &VirtualRouter::Counters::sent},
    {"resignations_received", &VirtualRouter::Counters::resignations_received},
    {"resignations_sent", &VirtualRouter::Counters::resignations_sent},
    {"became_master", &VirtualRouter::Counters::became_master},
    {"released_master", &VirtualRouter::Counters::released_master},
    {"announcements_sent", &VirtualRouter::Counters::announcements},
    {"addresses_restored", &VirtualRouter::Counters::restored},
    {"duplicate_answers", &VirtualRouter::Counters::duplicates},
    {"other_addresses", &VirtualRouter::Counters::other_addresses},
    {"absences", &VirtualRouter::Counters::absences},
};

/// Calls `each(name, value)` for every reason to refuse a packet.
template <typename Each>
void for_each_refusal(const VirtualRouter::Counters& counters, Each each) {
  for (std::size_t i = 0; i < kRefusals; ++i)
    each(counter_name(static_cast<Refusal>(i)), counters.refused[i]);
}

}  // namespace hapair::vrrp
