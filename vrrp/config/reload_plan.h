// What becomes of each instance when a running daemon is given another configuration.
#pragma once

#include <string>
#include <vector>

#include "common/error.h"
#include "vrrp/config/config.h"

namespace hapair::vrrp {

struct ReloadPlan {
  enum class Fate {
    Kept,     // equal: nobody touches it
    Changed,  // the same virtual router: it goes on, configured in another way
    Renewed,  // another virtual router of that name: the old one ends, the new one starts
    Moved,    // the same virtual router on another interface: likewise; only the host can tell
    Removed,
    Added,
  };
  struct Step {
    std::string instance;
    Fate fate = Fate::Kept;
    friend bool operator==(const Step&, const Step&) = default;
  };

  Config config;                   // what is to be in force: what cannot change is as it was
  std::vector<Step> steps;         // those removed, then all of `config` in its order
  std::vector<std::string> fixed;  // keys whose change needs a restart
};

std::string_view to_string(ReloadPlan::Fate fate);  // "changed"

/// `keys_changed`: those that adverts are signed with. An error: with that configuration there
/// would be no daemon.
Result<ReloadPlan> plan_reload(const Config& before, Config after, bool keys_changed);

}  // namespace hapair::vrrp
