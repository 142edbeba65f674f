#include "vrrp/config/reload_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace hapair::vrrp {
namespace {

using Fate = ReloadPlan::Fate;

const Instance* find(const Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.instances, name, &Instance::name);
  return found == config.instances.end() ? nullptr : &*found;
}

/// What makes a virtual router this one for those who share the link with it, and where it is here.
/// The family is the one that breaks ties.
bool is_same_router(const Instance& one, const Instance& other) {
  const auto identity = [](const Instance& instance) {
    return std::tuple(instance.version, instance.virtual_router_id, instance.has(false),
                      instance.interface, instance.virtual_mac, instance.virtual_mac_name);
  };
  return identity(one) == identity(other);
}

/// Who we are and who the others are, which every instance depends on.
bool has_same_nodes(const Config& one, const Config& other) {
  return one.source == other.source && one.other_nodes == other.other_nodes;
}

/// Keeps what belongs to the process, or to a socket that both nodes know, and names it.
std::vector<std::string> keep_fixed(const Config& before, Config& after) {
  std::vector<std::string> names;
  const auto keep = [&](const auto& old, auto& fresh, std::string name) {
    if (old == fresh) return;
    fresh = old;
    names.push_back(std::move(name));
  };
  keep(before.guardian, after.guardian, "vrrp.guardian");
  keep(before.realtime, after.realtime, "vrrp.realtime");
  keep(before.run_directory, after.run_directory, "vrrp.run_directory");
  if (!before.has_pair_channel() || !after.has_pair_channel()) return names;
  keep(before.pair.port, after.pair.port, "pair.port");
  keep(before.source, after.source, "node." + before.node + ".address");
  keep(before.other_nodes, after.other_nodes,
       "node." + before.other_nodes.front().name + ".address");
  return names;
}

}  // namespace

std::string_view to_string(Fate fate) {
  switch (fate) {
    case Fate::Kept: return "kept";
    case Fate::Changed: return "changed";
    case Fate::Renewed: return "is another virtual router";
    case Fate::Moved: return "moves to another interface";
    case Fate::Removed: return "removed";
    case Fate::Added: return "added";
  }
  return "";
}

Result<ReloadPlan> plan_reload(const Config& before, Config after, bool keys_changed) {
  if (after.instances.empty())
    return fail(
        Errc::Unsupported,
        "the configuration has no [vrrp.instance.NAME] any more; to end the daemon, stop it");
  ReloadPlan plan;
  plan.fixed = keep_fixed(before, after);
  for (const Instance& old : before.instances)
    if (!find(after, old.name)) plan.steps.push_back({old.name, Fate::Removed});
  const bool same_nodes = has_same_nodes(before, after);
  for (const Instance& fresh : after.instances) {
    const Instance* const old = find(before, fresh.name);
    const bool other_keys = keys_changed && fresh.auth.type == Auth::Type::Hmac;
    const Fate fate = !old                                         ? Fate::Added
                      : !is_same_router(*old, fresh)               ? Fate::Renewed
                      : *old != fresh || !same_nodes || other_keys ? Fate::Changed
                                                                   : Fate::Kept;
    plan.steps.push_back({fresh.name, fate});
  }
  plan.config = std::move(after);
  return plan;
}

}  // namespace hapair::vrrp
