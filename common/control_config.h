// Reads `[[global.control]]` and `[[vrrp.control]]`: where operators' commands are heard.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/config_reader.h"
#include "common/control.h"

namespace hapair {

/// One socket for operators. Only this machine can reach it: a Unix socket, or TCP on loopback.
struct ControlSocket {
  std::string path;                      // of the Unix socket; empty: TCP
  std::optional<SocketAddress> address;  // TCP
  control::Level level = control::Level::Operator;
  unsigned mode = 0660;  // of the Unix socket
  std::string user;      // its owner; empty: who starts the daemon
  std::string group;     // empty: that of who starts the daemon
  Duration timeout = std::chrono::seconds(10);  // for a client that neither asks nor listens

  std::string name() const { return path.empty() ? address->to_string() : path; }
  friend bool operator==(const ControlSocket&, const ControlSocket&) = default;
};

/// The `control` of `section`. Mistakes are reported. `group`: what a socket that names none
/// belongs to.
std::vector<ControlSocket> read_control_sockets(TableReader& section, std::string_view group);

}  // namespace hapair
