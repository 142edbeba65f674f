// Who scripts run as.
#pragma once

#include <optional>
#include <string>

#include "common/error.h"
#include "common/loop/subprocess.h"

namespace hapair::vrrp {

/// The account that scripts run as where it exists and nobody says otherwise.
inline constexpr std::string_view kDefaultScriptUser = "hapair-script";

struct ScriptUser {
  std::string name;
  Credentials credentials;
  bool is_daemon = true;  // scripts run as the daemon does
  std::string refused;    // who was asked for, if the daemon may not become that user

  /// What a Command needs: nothing where nothing changes.
  std::optional<Credentials> change() const {
    return is_daemon ? std::nullopt : std::optional(credentials);
  }
};

/// The account `wanted`; empty: the default, else the daemon's own. A daemon that may not become
/// other users (no root, as under its systemd unit) runs scripts as itself: `refused` says so. Asks
/// the host for its accounts, which may take time: for the start. An error names who is missing.
Result<ScriptUser> find_script_user(const std::string& wanted);

}  // namespace hapair::vrrp
