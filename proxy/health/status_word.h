// HAProxy's word for the state of a server: "UP 2/3", "NOLB", "MAINT (via ins/lamp1)".
#pragma once

#include <string>
#include <string_view>

#include "proxy/health/condition.h"

namespace hapair::health {

struct StatusFacts {
  Condition condition;
  bool checked = false;       // by itself or by the server it tracks
  bool has_agent = false;
  int rise = 0, fall = 0;     // of the checks; lives as CheckFsm counts them
  int lives = 0;
  std::string_view tracked;   // "ins/lamp1"; empty: it tracks nobody
};
std::string status_word(const StatusFacts& facts);

}  // namespace hapair::health
