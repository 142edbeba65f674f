// Judges `track`: the server that another one's health is taken from.
#include <algorithm>

#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

const Server* find(const Config& config, const ServerName& name) {
  for (const Backend& backend : config.backends) {
    if (backend.name != name.backend) continue;
    for (const Server& server : backend.servers)
      if (server.name == name.server) return &server;
  }
  return nullptr;
}

/// Where the nth server of a backend says so.
SourceLocation place(const ConfigNode& root, const std::string& backend, std::size_t server) {
  for (const std::string_view kind : {"backend", "listen"}) {
    const ConfigNode::Entry* kinds = root.find(kind);
    const ConfigNode::Entry* section = kinds ? kinds->value.find(backend) : nullptr;
    const ConfigNode::Entry* servers = section ? section->value.find("server") : nullptr;
    if (!servers || server >= servers->value.array.size()) continue;
    const ConfigNode::Entry* track = servers->value.array[server].find("track");
    if (track) return track->value.where;
  }
  return root.where;
}

}  // namespace

void judge_tracks(const ConfigNode& root, const Config& config, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const Backend& backend : config.backends)
    for (const Server& server : backend.servers) names.push_back(backend.name + "/" + server.name);
  for (const Backend& backend : config.backends) {
    for (std::size_t i = 0; i < backend.servers.size(); ++i) {
      const Server& server = backend.servers[i];
      if (!server.track) continue;
      const Server* tracked = find(config, *server.track);
      const auto where = place(root, backend.name, i);
      if (!tracked) {
        const auto near = nearest_word(server.track->to_string(), names);
        diagnostics.error(where, fmt::format("there is no server \"{}\"", server.track->to_string()),
                          near ? fmt::format("did you mean \"{}\"?", *near) : "as \"backend/server\"");
      } else if (tracked == &server) {
        diagnostics.error(where, "a server cannot track itself", "name the server it stands with");
      } else if (tracked->track) {
        diagnostics.error(where, fmt::format("\"{}\" tracks another server itself", server.track->to_string()),
                          fmt::format("track = \"{}\"", tracked->track->to_string()));
      } else if (!tracked->check && !tracked->agent) {
        diagnostics.error(where, fmt::format("\"{}\" has no check: nothing is known of it", server.track->to_string()),
                          "give it a check");
      }
    }
  }
}

}  // namespace hapair::proxy
