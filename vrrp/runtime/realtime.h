// Being there in time, whatever else the machine does.
#pragma once

#include <string>
#include <vector>

namespace hapair::vrrp {

/// A real-time scheduling class and memory that is never swapped out. What the kernel refuses is told,
/// with the remedy, a line each; the process works without, only not on a busy machine. Children do
/// not inherit it.
std::vector<std::string> become_realtime();

}  // namespace hapair::vrrp
