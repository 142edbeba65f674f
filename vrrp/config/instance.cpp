// [vrrp.instance.NAME]
#include <algorithm>
#include <array>

#include "common/text.h"
#include "vrrp/config/readers.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

// RFC 9568 section 5.2.7: hundredths of a second in 12 bits.
constexpr Duration kCentisecond = 10ms;
constexpr Duration kLongestInterval3 = 4095 * kCentisecond;

// Known to the design, not to this build: naming them beats "unknown key" and its wrong guesses.
constexpr std::array kInstanceNotBuilt = {
    "track"sv,
};

void read_interval(TableReader& table, Instance& instance) {
  const bool version3 = instance.version == 3;
  if (auto interval = table.duration("advert_interval", kCentisecond,
                                     version3 ? kLongestInterval3 : Duration(255s))) {
    // RFC 3768 section 5.3.7: the field counts seconds. RFC 9568 section 5.2.7: centiseconds.
    if (!version3 && *interval % 1s != Duration::zero())
      table.error("advert_interval", "VRRP version 2 counts whole seconds",
                  "\"1s\", or version = 3, which counts hundredths");
    if (version3 && *interval % kCentisecond != Duration::zero())
      table.error("advert_interval", "VRRP version 3 counts hundredths of a second", "\"100ms\"");
    instance.advert_interval = *interval;
  }
  if (!version3 && table.has("longest_adopted_interval"))
    table.error("longest_adopted_interval", "only version 3 adopts the master's interval",
                "version = 3, or leave it out");
  if (auto longest =
          table.duration("longest_adopted_interval", instance.advert_interval, kLongestInterval3))
    instance.longest_adopted = *longest;
}

void read_checksum(TableReader& table, Instance& instance) {
  static constexpr std::pair<std::string_view, ChecksumChoice> kChoices[] = {
      {"auto", ChecksumChoice::Auto},
      {"pseudo", ChecksumChoice::Pseudo},
      {"plain", ChecksumChoice::Plain}};
  const auto choice = table.word<ChecksumChoice>("checksum", kChoices);
  if (!choice) return;
  instance.checksum = *choice;
  if (instance.version == 2)
    table.error("checksum", "the checksum of version 2 has one form only",
                "version = 3, or leave it out");
}

void read_interface(TableReader& table, Instance& instance) {
  if (!table.has("interface")) {
    table.error_at(table.where(), "instance has no interface", "interface = \"eth1\"");
    return;
  }
  instance.interface = table.string("interface").value_or("");
  if (instance.interface.size() > 15)  // IFNAMSIZ - 1
    table.error("interface", "an interface name has at most 15 bytes");
  else if (table.raw("interface")->kind == ConfigNode::Kind::String &&
           !is_interface_name(instance.interface))
    table.error("interface", fmt::format("\"{}\" cannot be an interface", instance.interface),
                "a name as `ip link` shows it");
}

void read_virtual_router_id(TableReader& table, Surroundings& surroundings, Instance& instance) {
  if (!table.has("virtual_router_id")) {
    table.error_at(table.where(), "instance has no virtual_router_id",
                   "1 to 255, the same on both nodes");
    return;
  }
  const auto id = table.integer("virtual_router_id", 1, 255);
  if (!id) return;
  instance.virtual_router_id = static_cast<int>(*id);
  const auto [other, fresh] =
      surroundings.router_ids.try_emplace({instance.interface, *id}, instance.name);
  if (!fresh)
    table.error("virtual_router_id",
                fmt::format("{} is already used by instance {} on {}", *id, other->second,
                            instance.interface),
                "each instance of an interface needs its own");
}

void read_preempt(TableReader& table, Instance& instance) {
  if (const ConfigNode* preempt = table.raw("preempt")) {
    if (preempt->kind == ConfigNode::Kind::Boolean) {
      instance.preempt = preempt->boolean ? Preempt::Always : Preempt::Never;
    } else {
      static constexpr std::pair<std::string_view, Preempt> kChoices[] = {
          {"always", Preempt::Always}, {"delay", Preempt::Delay}, {"never", Preempt::Never}};
      if (const auto choice = table.word<Preempt>("preempt", kChoices)) instance.preempt = *choice;
    }
  }
  const auto delay = table.duration("preempt_delay", 0s, 24h);
  if (delay) instance.preempt_delay = *delay;
  if (instance.preempt == Preempt::Delay && !table.has("preempt_delay"))
    table.error("preempt", "preempt = \"delay\" needs a preempt_delay", "preempt_delay = \"30s\"");
  if (delay && instance.preempt != Preempt::Delay)
    table.error("preempt_delay", "a preempt_delay without preempt = \"delay\"",
                "preempt = \"delay\", or leave it out");
  if (auto startup = table.duration("startup_delay", 0s, 1h)) instance.startup_delay = *startup;
  if (auto hold = table.duration("hold_down", 0s, 24h)) instance.hold_down = *hold;
}

void read_announcements(TableReader& table, Instance& instance) {
  auto garp = table.table("garp");
  if (!garp) return;
  Announcements& out = instance.announcements;
  if (auto repeat = garp->integer("repeat", 1, 100)) out.repeat = static_cast<int>(*repeat);
  if (auto delay = garp->duration("delay", 0s, 1h)) out.delay = *delay;
  if (auto refresh = garp->duration("refresh", 0s, 24h)) {
    if (*refresh != Duration::zero() && *refresh < 1s)
      garp->error("refresh", "at most one refresh a second", "\"0s\" turns it off");
    out.refresh = *refresh;
  }
  if (auto repeat = garp->integer("refresh_repeat", 1, 100))
    out.refresh_repeat = static_cast<int>(*repeat);
  if (auto probe = garp->duration("probe", 0s, 24h)) {
    if (*probe != Duration::zero() && *probe < 1s)
      garp->error("probe", "at most one probe a second", "\"0s\" turns it off");
    out.probe = *probe;
  }
  garp->finish();
}

/// Who speaks with whom: `source_address`, `unicast_peers`, `peers` and their lives.
void read_peers(TableReader& table, const Surroundings& surroundings, Instance& instance) {
  if (auto source = table.parsed<IpAddress>("source_address", IpAddress::parse)) {
    if (!is_unicast(*source))
      table.error("source_address", fmt::format("{} is no address of a host", source->to_string()));
    instance.source = source;
  }
  const std::optional<IpAddress>& own = instance.source ? instance.source : surroundings.source;
  bool only_ourselves = table.has("unicast_peers");
  for (const auto& [peer, where] : read_addresses(table, "unicast_peers")) {
    if (peer == own) continue;  // the list is the same on both nodes
    only_ourselves = false;
    if (!is_unicast(peer))
      table.error_at(where, fmt::format("{} is no address of a host", peer.to_string()));
    else if (!instance.has(peer.is_v6()))
      table.error_at(where,
                     fmt::format("{} is of another family than the virtual addresses",
                                 peer.to_string()));
    else
      instance.unicast_peers.push_back(peer);
  }
  if (only_ourselves)
    table.error("unicast_peers", "there is no peer but this node itself", "the addresses of the others");
  for (const bool v6 : {false, true}) {
    const auto is_family = [v6](const IpAddress& peer) { return peer.is_v6() == v6; };
    if (!instance.unicast_peers.empty() && instance.has(v6) &&
        std::ranges::none_of(instance.unicast_peers, is_family))
      table.error("unicast_peers",
                  fmt::format("there are virtual addresses of IPv{}, and no peer with one", v6 ? 6 : 4),
                  "a peer's address of that family, or an instance for each family");
  }
  if (auto ttl = table.integer("unicast_ttl", 1, 255)) instance.unicast_ttl = static_cast<int>(*ttl);
  if (auto least = table.integer("least_ttl", 1, 255)) instance.least_ttl = static_cast<int>(*least);
  for (std::string_view key : {"unicast_ttl", "least_ttl"})
    if (table.has(key) && instance.unicast_peers.empty())
      table.error(key, fmt::format("{} is for unicast alone", key), "unicast_peers = [\"…\"]");

  const ConfigNode* peers = table.raw("peers");
  if (!peers) return;
  if (peers->kind == ConfigNode::Kind::String && (peers->string == "nodes" || peers->string == "link")) {
    instance.peers.kind = peers->string == "link" ? Peers::Kind::Link : Peers::Kind::Nodes;
    return;
  }
  instance.peers.kind = Peers::Kind::Listed;
  const auto listed = read_addresses(table, "peers");
  for (const auto& [peer, where] : listed)
    if (peer != own) instance.peers.addresses.push_back(peer);
  const std::size_t items = peers->kind == ConfigNode::Kind::Array ? peers->array.size() : 1;
  if (instance.peers.addresses.empty() && listed.size() == items)
    table.error("peers", "there is no peer but this node itself",
                "the addresses of the others, \"nodes\", or \"link\" for whoever is on the link");
}

void read_virtual_mac(TableReader& table, Instance& instance) {
  const ConfigNode* value = table.raw("virtual_mac");
  if (!value) return;
  if (value->kind == ConfigNode::Kind::Boolean) {
    instance.virtual_mac = value->boolean;
    return;
  }
  if (const auto name = table.string("virtual_mac")) {
    instance.virtual_mac = true;
    instance.virtual_mac_name = *name;
    if (name->size() > 15 || !is_interface_name(*name))
      table.error("virtual_mac", fmt::format("\"{}\" cannot be an interface", *name),
                  "true, or the name of the interface to be made");
  }
}

void read_lease(TableReader& table, Instance& instance) {
  const ConfigNode* value = table.raw("lease");
  if (!value) return;
  if (value->kind == ConfigNode::Kind::Boolean && !value->boolean) {
    instance.lease = Duration::zero();
    return;
  }
  const auto lease = table.duration("lease", 1s, 1h);
  if (!lease) return;
  if (*lease % 1s != Duration::zero())
    table.error("lease", "the kernel counts an address's life in whole seconds", "\"2s\"");
  instance.lease = lease;
}

}  // namespace

Instance read_instance(const std::string& name, TableReader& table, Surroundings& surroundings) {
  Instance instance;
  instance.name = name;
  check_name(name, table);
  for (std::string_view key : kInstanceNotBuilt) table.refuse(key, kNotBuilt);
  if (auto version = table.integer("version", 2, 3)) instance.version = static_cast<int>(*version);
  read_interface(table, instance);
  static constexpr std::pair<std::string_view, InitialState> kStates[] = {
      {"master", InitialState::Master}, {"backup", InitialState::Backup}};
  if (auto state = table.word<InitialState>("state", kStates)) instance.state = *state;
  read_virtual_router_id(table, surroundings, instance);
  if (auto priority = table.integer("priority", 1, 255))
    instance.priority = static_cast<int>(*priority);
  read_interval(table, instance);
  read_checksum(table, instance);
  read_virtual_addresses(table, surroundings, instance);
  read_virtual_routes(table, instance);
  read_peers(table, surroundings, instance);
  read_virtual_mac(table, instance);
  read_lease(table, instance);
  if (auto accept = table.boolean("accept")) instance.accept = *accept;
  read_track_proxy(table, surroundings, instance);
  read_tracked(table, surroundings, instance);
  read_preempt(table, instance);
  read_auth(table, surroundings, instance);
  read_announcements(table, instance);
  instance.notify = read_notify(table, false, surroundings);
  table.finish();
  return instance;
}

}  // namespace hapair::vrrp
