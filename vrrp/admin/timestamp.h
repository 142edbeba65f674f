// Instants and spans of time as status tells them.
#pragma once

#include <string>

#include "common/clock.h"

namespace hapair::vrrp {

/// RFC 3339, of UTC, with milliseconds: "2026-11-21T02:56:40.123Z".
std::string timestamp(WallTime time);
/// In two units, or one: "0.3 s", "59 s", "3 min 4 s", "2 h 5 min", "4 d 3 h".
std::string rough(Duration span);
double seconds(Duration span);

}  // namespace hapair::vrrp
