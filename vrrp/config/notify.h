// Who is told of changes: commands, readers of a FIFO, people by mail.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"

namespace hapair::vrrp {

struct NotifyCommand {
  std::vector<std::string> command;  // argv; run without a shell
  std::string user;                  // empty: [vrrp] notify_user
  Duration timeout = std::chrono::seconds(30);
  friend bool operator==(const NotifyCommand&, const NotifyCommand&) = default;
};

/// Of one instance or synchronization group.
struct Notify {
  std::optional<NotifyCommand> any;  // of every state, with keepalived's arguments behind its own
  std::optional<NotifyCommand> master, backup, fault, stop;
  std::optional<NotifyCommand> lower;  // a master answered a lower router; not of groups
  std::string fifo;                    // besides [vrrp] notify_fifo; empty: none
  bool mail = false;
  friend bool operator==(const Notify&, const Notify&) = default;
};

/// [alert.mail]
struct AlertMail {
  enum class StartTls {
    Never,
    Try,      // where the server offers it; who it is, is not asked
    Require,  // no mail without it, nor to a server that cannot prove its name
  };
  std::vector<std::string> to;  // at least one
  std::string from;
  std::string host;  // an address or a name, without brackets
  std::uint16_t port = 25;
  Duration timeout = std::chrono::seconds(30);  // of one try, the search for the name included
  StartTls starttls = StartTls::Try;
  std::string user;           // empty: no authentication
  std::string password_file;  // empty: none
  std::string helo;           // what we call ourselves
  std::string ca_file;        // empty: the host's
  friend bool operator==(const AlertMail&, const AlertMail&) = default;
};

}  // namespace hapair::vrrp
