// Which virtual routers are masters together, or none of them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vrrp/config/config.h"
#include "vrrp/runtime/virtual_router.h"

namespace hapair::vrrp {

/// Hears what the members become, and makes the others follow. Knows no loop, so that the simulated
/// network of the tests runs this very class. Lives on its owner's thread.
class SyncGroups {
 public:
  /// The router of that name; null: there is none now.
  using Find = std::function<VirtualRouter*(const std::string& name)>;
  SyncGroups(std::vector<SyncGroup> groups, Find find)
      : groups_(std::move(groups)), find_(std::move(find)) {}

  /// Other groups, or other members, from now on; carry_out() is owed. Who is master leads.
  void change(std::vector<SyncGroup> groups, TimePoint now);
  /// Its timer is over: may it become master, as far as its companions go?
  bool may_lead(const VirtualRouter& router, TimePoint now) const;
  /// Whether carry_out() is owed now.
  bool on_became(const VirtualRouter& router, State before);
  bool on_fitness(const VirtualRouter& router);
  /// In a turn of its own: a member must not be changed from within another's call.
  void carry_out(TimePoint now);

 private:
  struct Order {
    std::string changed;          // the instance
    std::optional<State> before;  // absent: only whether it is fit
  };
  /// The other members of its group.
  std::vector<VirtualRouter*> companions_of(const VirtualRouter& router) const;

  std::vector<SyncGroup> groups_;
  const Find find_;
  std::vector<Order> orders_;
};

}  // namespace hapair::vrrp
