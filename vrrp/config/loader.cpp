#include "vrrp/config/loader.h"

#include <algorithm>
#include <utility>

#include "common/control_config.h"
#include "common/log_config.h"
#include "vrrp/config/readers.h"

namespace hapair::vrrp {
namespace {

class Loader {
 public:
  Loader(const ConfigDocument& document, Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  Config load() {
    config_.node = document_.node;
    TableReader root(document_.root, "", diagnostics_);
    // The proxy's, which judges them.
    for (std::string_view section : {"defaults", "frontend", "backend", "listen", "map", "maps",
                                     "peers", "table", "userlist", "resolvers"})
      root.raw(section);
    if (auto global = root.table("global")) {
      config_.log = read_log_targets(*global);
      config_.health = read_health_socket(*global, document_.root);
    }
    config_.mail = read_alert_mail(root, config_.node);
    auto pair = root.table("pair");
    if (pair) config_.pair = read_pair(*pair);
    load_nodes();
    surroundings_.node = config_.node;
    surroundings_.source = config_.source;
    surroundings_.has_key_file = !config_.pair.key_file.empty();
    surroundings_.has_mail = config_.mail.has_value();
    surroundings_.backends = names_of_backends();
    surroundings_.sections = &config_;
    if (auto vrrp = root.table("vrrp")) load_vrrp(*vrrp);
    if (pair && pair->has("channel") && config_.pair.channel && !config_.has_pair_channel() &&
        !config_.instances.empty())
      pair->error("channel",
                  "the pair channel needs key_file, and an address of the same family for each of two nodes",
                  "[node.NAME] address = \"…\", twice");
    root.finish();
    return std::move(config_);
  }

 private:
  void load_nodes() {
    TableReader nodes(document_.nodes, "node", diagnostics_);
    for (const std::string& name : document_.node_names) {
      auto node = nodes.table(name);
      if (!node) continue;
      const auto address = node->parsed<IpAddress>("address", IpAddress::parse);
      if (!address) continue;
      if (!is_unicast(*address))
        node->error("address", fmt::format("{} is no address of a host", address->to_string()));
      surroundings_.nodes.push_back(*address);
      if (name == document_.node)
        config_.source = address;
      else
        config_.other_nodes.push_back({name, *address});
    }
  }

  std::vector<std::string> names_of_backends() const {
    std::vector<std::string> out;
    for (const ConfigNode::Entry& section : document_.root.table)
      if (section.key == "backend" || section.key == "listen")
        for (const ConfigNode::Entry& entry : section.value.table) out.push_back(entry.key);
    return out;
  }

  void load_vrrp(TableReader& vrrp) {
    if (auto guardian = vrrp.boolean("guardian")) config_.guardian = *guardian;
    if (auto realtime = vrrp.boolean("realtime")) config_.realtime = *realtime;
    if (auto folder = vrrp.string("run_directory")) {
      config_.run_directory = *folder;
      if (!folder->starts_with('/'))
        vrrp.error("run_directory", "a folder is named by its whole path", "\"/run/hapair\"");
    }
    config_.control = read_control_sockets(vrrp, "");
    if (auto user = vrrp.string("script_user")) config_.script_user = *user;
    if (auto user = vrrp.string("notify_user")) config_.notify_user = *user;
    config_.notify_fifo = read_fifo(vrrp);
    for (auto& [name, table] : vrrp.named_tables("script"))
      config_.scripts.push_back(read_script(name, table));
    for (auto& [name, table] : vrrp.named_tables("track_file"))
      config_.track_files.push_back(read_track_file(name, table));
    for (auto& [name, table] : vrrp.named_tables("track_process"))
      config_.track_processes.push_back(read_track_process(name, table));
    for (auto& [name, table] : vrrp.named_tables("instance"))
      config_.instances.push_back(read_instance(name, table, surroundings_));
    std::map<std::string, std::string> group_of;
    for (auto& [name, table] : vrrp.named_tables("sync_group"))
      config_.sync_groups.push_back(read_sync_group(name, table, config_.instances, surroundings_, group_of));
    vrrp.finish();
  }

  const ConfigDocument& document_;
  Diagnostics& diagnostics_;
  Config config_;
  Surroundings surroundings_;
};

}  // namespace

const Script& Config::script(const std::string& name) const {
  return *std::ranges::find(scripts, name, &Script::name);
}

const TrackFile& Config::track_file(const std::string& name) const {
  return *std::ranges::find(track_files, name, &TrackFile::name);
}

const TrackProcess& Config::track_process(const std::string& name) const {
  return *std::ranges::find(track_processes, name, &TrackProcess::name);
}

bool Config::needs_keys() const {
  return has_pair_channel() || std::ranges::any_of(instances, [](const Instance& instance) {
           return instance.auth.type == Auth::Type::Hmac;
         });
}

bool Config::has_pair_channel() const {
  return pair.channel && !pair.key_file.empty() && source && other_nodes.size() == 1 &&
         source->is_v6() == other_nodes.front().address.is_v6() && !instances.empty();
}

void take_peer_priorities(Config& config, const Config& other) {
  for (Instance& instance : config.instances) {
    const auto theirs = std::ranges::find(other.instances, instance.name, &Instance::name);
    if (theirs == other.instances.end()) continue;
    int priority = theirs->priority;
    for (const Tracking& tracking : theirs->tracked)
      priority += tracking.kind == TrackerKind::File
                      ? other.track_file(tracking.name).initial * tracking.weight *
                            (tracking.reverse ? -1 : 1)
                      : std::max(0, tracking.weight);
    if (theirs->priority != 255) priority = std::clamp(priority, 1, 254);
    instance.peer_priority = static_cast<std::uint8_t>(priority);
  }
}

std::optional<Config> load_config(const ConfigDocument& document, Diagnostics& diagnostics) {
  Config config = Loader(document, diagnostics).load();
  if (diagnostics.has_errors()) return std::nullopt;
  return config;
}

}  // namespace hapair::vrrp
