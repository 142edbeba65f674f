#include "proxy/config/changes.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace hapair::proxy {
namespace {

const Bind& bind_at(const Config& config, const ListenerPlace& place) {
  return config.frontends[place.frontend].binds[place.bind];
}

using NameOfServer = std::pair<std::string_view, std::string_view>;  // backend, server
struct Found {
  const Backend* backend = nullptr;
  const Server* server = nullptr;
};

bool is_same_place(const Server& one, const Server& other) {
  return one.address == other.address && one.approach.unix_socket == other.approach.unix_socket;
}

std::map<NameOfServer, Found> servers_of(const Config& config) {
  std::map<NameOfServer, Found> servers;
  for (const Backend& backend : config.backends)
    for (const Server& server : backend.servers)
      servers[{backend.name, server.name}] = {&backend, &server};
  return servers;
}

}  // namespace

std::vector<ListenerPlace> listeners_of(const Config& config) {
  std::vector<ListenerPlace> places;
  for (std::size_t i = 0; i < config.frontends.size(); ++i)
    for (std::size_t j = 0; j < config.frontends[i].binds.size(); ++j) places.push_back({i, j});
  return places;
}

std::vector<LogTarget> log_targets(const Config& config) {
  std::vector<LogTarget> all;
  const auto add = [&](const std::vector<LogTarget>& targets) {
    for (const LogTarget& target : targets)
      if (std::find(all.begin(), all.end(), target) == all.end()) all.push_back(target);
  };
  add(config.global.log);
  for (const Frontend& frontend : config.frontends) add(frontend.log);
  return all;
}

std::vector<std::optional<std::size_t>> kept_sockets(const Config& before, const Config& after) {
  const std::vector<ListenerPlace> open = listeners_of(before);
  std::vector<std::optional<std::size_t>> kept;
  for (const ListenerPlace& wanted : listeners_of(after)) {
    const auto same = std::find_if(open.begin(), open.end(), [&](const ListenerPlace& place) {
      return bind_at(before, place).socket.is_same_socket(bind_at(after, wanted).socket);
    });
    kept.push_back(same == open.end() ? std::nullopt
                                      : std::optional<std::size_t>(same - open.begin()));
  }
  return kept;
}

std::vector<ServerChange> changed_servers(const Config& before, const Config& after) {
  using Kind = ServerChange::Kind;
  const std::map<NameOfServer, Found> old = servers_of(before), fresh = servers_of(after);
  std::vector<ServerChange> changes;
  const auto note = [&](Kind kind, const Backend& backend, const Server& server) {
    changes.push_back({kind, backend.name, server.name});
  };
  for (const Backend& backend : after.backends) {
    for (const Server& server : backend.servers) {
      const auto known = old.find({backend.name, server.name});
      if (known == old.end() || known->second.backend->mode != backend.mode) {
        note(Kind::Added, backend, server);
      } else if (!is_same_place(*known->second.server, server)) {
        note(Kind::Moved, backend, server);
      } else if (*known->second.server != server) {
        note(Kind::Changed, backend, server);
      }
    }
  }
  for (const Backend& backend : before.backends) {
    for (const Server& server : backend.servers) {
      const auto now = fresh.find({backend.name, server.name});
      if (now == fresh.end() || now->second.backend->mode != backend.mode)
        note(Kind::Removed, backend, server);
    }
  }
  return changes;
}

std::vector<std::string> keep_fixed(const Config& before, Config& after) {
  std::vector<std::string> names;
  const auto keep = [&](std::string_view name, const auto& old, auto& fresh) {
    if (old == fresh) return;
    fresh = old;
    names.emplace_back(name);
  };
  keep("global.workers", before.global.workers, after.global.workers);
  keep("global.pidfile", before.global.pidfile, after.global.pidfile);
  keep("global.user", before.global.identity.user, after.global.identity.user);
  keep("global.group", before.global.identity.group, after.global.identity.group);
  keep("global.chroot", before.global.identity.chroot, after.global.identity.chroot);
  keep("global.log_tag", before.global.log_tag, after.global.log_tag);
  return names;
}

}  // namespace hapair::proxy
