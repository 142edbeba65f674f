// A tracked script that may be run, and with whose rights.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/loop/subprocess.h"
#include "vrrp/config/config.h"

namespace hapair::vrrp {

struct PreparedScript {
  Script
      script;  // its command names the program by its whole path; it has no weight, instances have
  std::optional<Credentials> credentials{};  // absent: the daemon's
  friend bool operator==(const PreparedScript&, const PreparedScript&) = default;
};

/// By name, those that some instance tracks.
using PreparedScripts = std::map<std::string, PreparedScript>;

/// Finds programs and users, and refuses what others could change. Looks at files and accounts,
/// which may take time: not for the thread of a loop that runs. An error names the script, what is
/// at fault and the remedy; `warnings` gets what is well enough.
Result<PreparedScripts> prepare_scripts(const Config& config, std::vector<std::string>& warnings);

}  // namespace hapair::vrrp
