// One function for each noun of the daemon's configuration: what a table says, as values. Each reports
// its own mistakes and leaves defaults where the table is silent or wrong.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/config_reader.h"
#include "vrrp/config/config.h"

namespace hapair::vrrp {

inline constexpr std::string_view kNotBuilt = "not built yet";

/// What instances must know of the rest of the file, and of each other.
struct Surroundings {
  std::string node;
  std::optional<IpAddress> source;          // the node's own address
  std::vector<IpAddress> nodes;             // of all nodes
  bool has_key_file = false;
  const Config* sections = nullptr;         // what can be tracked, read already
  std::vector<std::string> backends;        // of the proxy; names
  std::set<IpAddress> virtual_addresses;    // of the instances so far
  std::map<std::pair<std::string, std::int64_t>, std::string> router_ids;  // (interface, id) -> instance
};

/// [pair]
PairSettings read_pair(TableReader& table);
/// [vrrp.script.NAME]
Script read_script(const std::string& name, TableReader& table);
/// [vrrp.track_file.NAME]
TrackFile read_track_file(const std::string& name, TableReader& table);
/// [vrrp.track_process.NAME]
TrackProcess read_track_process(const std::string& name, TableReader& table);
/// [vrrp.instance.NAME]
Instance read_instance(const std::string& name, TableReader& table, Surroundings& surroundings);
/// Its `auth`.
void read_auth(TableReader& table, const Surroundings& surroundings, Instance& instance);
/// Its `virtual_addresses` and `excluded_addresses`; `version` is known.
void read_virtual_addresses(TableReader& table, Surroundings& surroundings, Instance& instance);
void read_virtual_routes(TableReader& table, Instance& instance);
/// Its `track_proxy`.
void read_track_proxy(TableReader& table, const Surroundings& surroundings, Instance& instance);
/// Its other `track_…`.
void read_tracked(TableReader& table, const Surroundings& surroundings, Instance& instance);
/// [vrrp.sync_group.NAME]; call when all instances are known.
SyncGroup read_sync_group(const std::string& name, TableReader& table,
                          const std::vector<Instance>& instances,
                          std::map<std::string, std::string>& group_of);

/// Whether one host can have it: not this network, loopback, multicast, reserved or broadcast.
bool is_unicast(const IpAddress& address);
/// As the kernel's dev_valid_name() has it.
bool is_interface_name(const std::string& name);
/// The names of `key`, each of which must be in `known` and stand there once. `what` they are.
std::vector<std::string> read_names(TableReader& table, std::string_view key,
                                    const std::vector<std::string>& known, std::string_view what);
/// Whether the name, which stands at `where`, is in `known`; if it is not, that is reported.
bool read_name(TableReader& table, const SourceLocation& where, const std::string& name,
               const std::vector<std::string>& known, std::string_view what);
/// Where the items of a list stand; of a single value, where that does.
const SourceLocation& place_of(const ConfigNode& list, std::size_t item);
/// Addresses in a list, each with its place; what is none is reported.
std::vector<std::pair<IpAddress, SourceLocation>> read_addresses(TableReader& table,
                                                                 std::string_view key);

}  // namespace hapair::vrrp
