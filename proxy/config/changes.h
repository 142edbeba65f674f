// What differs between two configurations, for a reload that replaces one by the other.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "proxy/config/config.h"

namespace hapair::proxy {

/// config.frontends[frontend].binds[bind].
struct ListenerPlace {
  std::size_t frontend = 0;
  std::size_t bind = 0;
  friend bool operator==(const ListenerPlace&, const ListenerPlace&) = default;
};

/// Every listener of a configuration, in the order of the file: an index into it names one.
std::vector<ListenerPlace> listeners_of(const Config& config);

/// The sockets of `after`, one for each of its listeners: the listener of `before` whose socket it
/// is, whatever its frontend is called now; nothing if it has to be opened. What is named by none is
/// to be closed.
std::vector<std::optional<std::size_t>> kept_sockets(const Config& before, const Config& after);

/// Every target that some line may go to, each once.
std::vector<LogTarget> log_targets(const Config& config);

struct ServerChange {
  enum class Kind {
    Added,
    Removed,
    Moved,    // another address: a new server under the old name
    Changed,  // other settings: applied to the one that runs
  };
  Kind kind = Kind::Added;
  std::string backend, server;
  friend bool operator==(const ServerChange&, const ServerChange&) = default;
};

/// Servers are matched by their backend's name and mode and their own name. In the order of `after`,
/// then those removed in the order of `before`.
std::vector<ServerChange> changed_servers(const Config& before, const Config& after);

/// Keys whose value differs although a running process cannot take another: `after` gets the values
/// of `before` back, and their names are answered ("global.workers").
std::vector<std::string> keep_fixed(const Config& before, Config& after);

}  // namespace hapair::proxy
