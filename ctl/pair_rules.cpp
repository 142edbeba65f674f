// What must hold between the nodes of one file.
#include "ctl/pair_rules.h"

#include <algorithm>
#include <set>
#include <span>
#include <string>

#include "vrrp/core/priority.h"
#include "vrrp/core/reading.h"

namespace hapair::ctl {
namespace {

using vrrp::Instance;
using vrrp::TrackerKind;
using vrrp::Tracking;

/// Where the last key of `path` that exists stands, seen from the root.
SourceLocation where(const ConfigNode& root, std::initializer_list<std::string_view> path) {
  const ConfigNode* node = &root;
  for (const std::string_view key : path) {
    const ConfigNode::Entry* entry = node->find(key);
    if (!entry) break;
    node = &entry->value;
  }
  return node->where;
}

/// Null: there is none.
const ConfigNode* find(const ConfigNode& root, std::initializer_list<std::string_view> path) {
  const ConfigNode* node = &root;
  for (const std::string_view key : path) {
    const ConfigNode::Entry* entry = node->find(key);
    if (!entry) return nullptr;
    node = &entry->value;
  }
  return node;
}

SourceLocation where(const NodeView& node, const Instance& instance, std::string_view key) {
  return where(node.document->root, {"vrrp", "instance", instance.name, key});
}

const Instance* find_instance(const NodeView& node, std::string_view name) {
  const auto& list = node.vrrp->instances;
  const auto found = std::ranges::find(list, name, &Instance::name);
  return found == list.end() ? nullptr : &*found;
}

std::string addresses_of(const Instance& instance) {
  std::set<std::string> texts;
  for (const vrrp::VirtualAddress& address : instance.virtual_addresses)
    texts.insert(address.address.address.to_string());
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string authentication_of(const Instance& instance) {
  switch (instance.auth.type) {
    case vrrp::Auth::Type::None: break;
    case vrrp::Auth::Type::Pass: return "a password";
    case vrrp::Auth::Type::Header: return "an authentication header";
    case vrrp::Auth::Type::Hmac: return "a signature";
  }
  return "none";
}

/// What a thing that can be tracked is called in the file.
struct Words {
  std::string_view list;     // in an instance
  std::string_view section;  // of its own, below vrrp; empty: it has none
};
Words words_of(TrackerKind kind) {
  switch (kind) {
    case TrackerKind::Script: return {"track_scripts", "script"};
    case TrackerKind::Interface: return {"track_interfaces", ""};
    case TrackerKind::File: return {"track_files", "track_file"};
    case TrackerKind::Process: return {"track_processes", "track_process"};
    case TrackerKind::Proxy:
    case TrackerKind::Backends: return {"track_proxy", ""};
  }
  return {};
}

bool is_same(const Tracking& a, const Tracking& b) {
  return a.kind == b.kind && a.name == b.name;
}

/// Where its weight is said: by the instance, or for all of them.
SourceLocation place_of_weight(const NodeView& node, const Instance& instance,
                               const Tracking& tracking) {
  const ConfigNode& root = node.document->root;
  if (tracking.kind == TrackerKind::Proxy || tracking.kind == TrackerKind::Backends)
    return where(root, {"vrrp", "instance", instance.name, "track_proxy",
                        tracking.kind == TrackerKind::Proxy ? "weight" : "unserved_weight"});
  const auto [key, section] = words_of(tracking.kind);
  const ConfigNode& list = *find(root, {"vrrp", "instance", instance.name, key});
  const bool is_one = list.kind != ConfigNode::Kind::Array;
  for (const ConfigNode& item : is_one ? std::span(&list, 1) : std::span(list.array)) {
    const ConfigNode::Entry* name = item.find("name");
    if ((name ? name->value.string : item.string) != tracking.name) continue;
    if (const ConfigNode::Entry* weight = item.find("weight")) return weight->value.where;
    if (section.empty()) return item.where;
  }
  return where(root, {"vrrp", section, tracking.name, "weight"});
}

/// How what an instance tracks stands: all good, or all but one. A file is good as it is while
/// nobody has written it.
struct Situation {
  const vrrp::Config* config;
  const Tracking* failed = nullptr;
  const Tracking* reweighed = nullptr;  // whose weight is `weight` instead of its own
  int weight = 0;
};

int priority_in(const Situation& situation, const Instance& instance) {
  std::vector<vrrp::Tracked> tracked;
  for (const Tracking& tracking : instance.tracked) {
    if (tracking.kind == TrackerKind::File) {
      const auto value = vrrp::Reading::of(situation.config->track_file(tracking.name).initial);
      tracked.push_back(vrrp::weigh(value, tracking.weight, tracking.reverse));
      continue;
    }
    const auto is = [&](const Tracking* other) { return other && is_same(*other, tracking); };
    tracked.push_back({is(situation.reweighed) ? situation.weight : tracking.weight,
                       is(situation.failed) ? vrrp::Verdict::Bad : vrrp::Verdict::Good});
  }
  return vrrp::effective_priority(instance.priority, tracked);
}

/// A master with this priority gives way only to one that is higher: adverts of an equal do not
/// (RFC 3768 section 6.4.2 has a backup keep silent when priorities are equal).
bool gives_way(int failed, int healthy) {
  return failed < healthy;
}

/// The weight nearest to zero, with the sign of the present one, that makes the takeover work.
std::optional<int> least_weight(const Instance& own, const vrrp::Config& own_config,
                                const Instance& other, const vrrp::Config& other_config,
                                const Tracking& tracking) {
  const int sign = tracking.weight < 0 ? -1 : 1;
  for (int size = 1; size <= 253; ++size) {
    const int weight = sign * size;
    if (gives_way(priority_in({&own_config, &tracking, &tracking, weight}, own),
                  priority_in({&other_config, nullptr, &tracking, weight}, other)))
      return weight;
  }
  return std::nullopt;
}

/// As the subject of a sentence.
std::string name_of(const Tracking& tracking) {
  switch (tracking.kind) {
    case TrackerKind::Script: return tracking.name;
    case TrackerKind::Proxy: return "the proxy";
    case TrackerKind::Backends:
      return fmt::format("the last server of {}", fmt::join(tracking.backends, " or "));
    default: return fmt::format("{} {}", to_string(tracking.kind), tracking.name);
  }
}

void check_tracking(const NodeView& node, const NodeView& peer, const Instance& own,
                    const Instance& other, const Tracking& tracking, Diagnostics& diagnostics) {
  // FAULT: the node leaves the election. A file can always say so much that it does.
  if (tracking.weight == 0 || tracking.kind == TrackerKind::File) return;
  const int before = priority_in({node.vrrp}, own);
  const int healthy = priority_in({peer.vrrp}, other);
  if (before < healthy) return;  // not the master to begin with
  const std::string_view name = node.document->node, peer_name = peer.document->node;
  const std::string what = name_of(tracking);
  if (own.priority == vrrp::kOwner) {
    diagnostics.error(where(node, own, "priority"),
                      fmt::format("if {} fails on {}, {} does not take over {}: priority 255 owns "
                                  "the addresses and never gives way",
                                  what, name, peer_name, own.name),
                      "a priority of at most 254");
    return;
  }
  const int failed = priority_in({node.vrrp, &tracking}, own);
  if (!gives_way(failed, healthy)) {
    const auto least = least_weight(own, *node.vrrp, other, *peer.vrrp, tracking);
    diagnostics.error(
        place_of_weight(node, own, tracking),
        fmt::format("if {} fails on {}, {} does not take over {}: {} still has "
                    "priority {}, {} only {}",
                    what, name, peer_name, own.name, name, failed, peer_name, healthy),
        least ? fmt::format("the weight must be at {} {}", *least < 0 ? "most" : "least", *least)
              : std::string("no weight is enough: bring the priorities nearer"));
  }
}

/// A script can ask anything; of processes it is the proxy, or whichever a pid file names.
bool minds_the_proxy(const vrrp::Config& config, const Instance& instance) {
  return std::ranges::any_of(instance.tracked, [&](const Tracking& tracking) {
    if (tracking.kind != TrackerKind::Process)
      return tracking.kind == TrackerKind::Script || tracking.kind == TrackerKind::Proxy;
    const vrrp::TrackProcess& process = config.track_process(tracking.name);
    return process.process == "hapair-proxy" || process.process.empty();
  });
}

}  // namespace

void check_agreement(const std::vector<NodeView>& nodes, Diagnostics& diagnostics) {
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    const NodeView &first = nodes.front(), &node = nodes[i];
    const std::string_view a = first.document->node, b = node.document->node;
    for (const Instance& ours : first.vrrp->instances)
      if (!find_instance(node, ours.name))
        diagnostics.error(where(first, ours, ""),
                          fmt::format("{} has the instance {}, {} has not", a, ours.name, b),
                          "an instance is elected between all nodes");
    for (const Instance& theirs : node.vrrp->instances) {
      const Instance* ours = find_instance(first, theirs.name);
      if (!ours) {
        diagnostics.error(where(node, theirs, ""),
                          fmt::format("{} has the instance {}, {} has not", b, theirs.name, a),
                          "an instance is elected between all nodes");
        continue;
      }
      const auto disagree = [&](std::string_view key, const std::string& here,
                                const std::string& there) {
        if (here != there)
          diagnostics.error(where(node, theirs, key),
                            fmt::format("{} differs in instance {}: {} on {}, {} on {}", key,
                                        theirs.name, here, a, there, b),
                            "it must be the same on all nodes, or each elects itself");
      };
      disagree("virtual_router_id", std::to_string(ours->virtual_router_id),
               std::to_string(theirs.virtual_router_id));
      disagree("advert_interval", format_duration(ours->advert_interval),
               format_duration(theirs.advert_interval));
      disagree("virtual_addresses", addresses_of(*ours), addresses_of(theirs));
      if (ours->auth.type != theirs.auth.type)
        disagree("auth", authentication_of(*ours), authentication_of(theirs));
      else if (ours->auth.password != theirs.auth.password)
        diagnostics.error(
            where(node.document->root, {"vrrp", "instance", theirs.name, "auth", "password"}),
            fmt::format("the passwords of instance {} differ between {} and {}", theirs.name, a, b),
            "they must be the same on all nodes, or each elects itself");
    }
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto& source = nodes[i].vrrp->source;
      if (source && source == nodes[j].vrrp->source)
        diagnostics.error(where(nodes[i].document->nodes, {nodes[i].document->node, "address"}),
                          fmt::format("{} and {} have the same address {}", nodes[j].document->node,
                                      nodes[i].document->node, source->to_string()),
                          "each node has its own");
    }
  }
}

void check_takeover(const std::vector<NodeView>& nodes, Diagnostics& diagnostics) {
  for (const NodeView& node : nodes) {
    for (const Instance& own : node.vrrp->instances) {
      if (!minds_the_proxy(*node.vrrp, own) && node.has_proxy && nodes.size() > 1)
        diagnostics.error(
            where(node, own, ""),
            fmt::format("if the proxy of {} fails, {} stays where it is: the instance "
                        "does not track it",
                        node.document->node, own.name),
            "track_proxy = true");
      for (const Tracking& tracking : own.tracked)
        for (const NodeView& peer : nodes)
          if (const Instance* other = &peer == &node ? nullptr : find_instance(peer, own.name))
            check_tracking(node, peer, own, *other, tracking, diagnostics);
    }
  }
}

}  // namespace hapair::ctl
