// What is known about a server's health.
#pragma once

#include <cstdint>

namespace hapair::health {

/// Unknown is not up: a checked server takes no traffic before its first good check.
enum class Health : std::uint8_t { Unknown, Up, Down };

}  // namespace hapair::health
