#include "vrrp/runtime/sync_groups.h"

#include <algorithm>
#include <utility>

namespace hapair::vrrp {

std::vector<VirtualRouter*> SyncGroups::companions_of(const VirtualRouter& router) const {
  std::vector<VirtualRouter*> out;
  for (const SyncGroup& group : groups_) {
    if (std::ranges::find(group.instances, router.config().name) == group.instances.end()) continue;
    for (const std::string& name : group.instances)
      if (VirtualRouter* const member = find_(name); member && member != &router)
        out.push_back(member);
  }
  return out;
}

void SyncGroups::change(std::vector<SyncGroup> groups, TimePoint now) {
  const std::vector<SyncGroup> before = std::exchange(groups_, std::move(groups));
  // Who has other companions now, or none, may be held back no more.
  for (const auto* list : {&before, &std::as_const(groups_)})
    for (const SyncGroup& group : *list)
      for (const std::string& name : group.instances)
        if (VirtualRouter* const member = find_(name))
          member->on_group_usable(
              std::ranges::all_of(companions_of(*member), &VirtualRouter::is_fit), now);
  for (const SyncGroup& group : groups_)
    for (const std::string& name : group.instances)
      if (const VirtualRouter* const member = find_(name); member && member->state() == State::Master)
        orders_.push_back({name, State::Backup});
}

bool SyncGroups::may_lead(const VirtualRouter& router, TimePoint now) const {
  return std::ranges::none_of(companions_of(router), [now](const VirtualRouter* other) {
    return other->election().follows_better(now) || !other->is_fit();
  });
}

bool SyncGroups::on_became(const VirtualRouter& router, State before) {
  const Cause::Kind cause = router.election().cause().kind;
  // Both halves of a handover change all members themselves.
  if (companions_of(router).empty() || cause == Cause::Kind::Group ||
      cause == Cause::Kind::Handover)
    return false;
  orders_.push_back({router.config().name, before});
  return true;
}

bool SyncGroups::on_fitness(const VirtualRouter& router) {
  if (companions_of(router).empty()) return false;
  orders_.push_back({router.config().name, std::nullopt});
  return true;
}

void SyncGroups::carry_out(TimePoint now) {
  for (const Order& order : std::exchange(orders_, {})) {
    VirtualRouter* const changed = find_(order.changed);
    if (!changed) continue;
    const std::vector<VirtualRouter*> others = companions_of(*changed);
    // Who comes to a group that is master already is none of those who lost an election.
    const bool joins = order.before == State::Initialize && changed->state() == State::Backup &&
                       std::ranges::find(others, State::Master, &VirtualRouter::state) != others.end();
    if (joins) changed->on_group_leads(now);
    const State state = changed->state();
    for (VirtualRouter* const other : others) {
      if (order.before && state == State::Master) other->on_group_leads(now);
      if (order.before && state == State::Backup && order.before != State::Fault)
        other->on_group_follows(now);
      other->on_group_usable(std::ranges::all_of(companions_of(*other), &VirtualRouter::is_fit),
                             now);
    }
  }
}

}  // namespace hapair::vrrp
