// The virtual addresses and routes of one virtual router on the kernel's side: put, renewed, put back,
// removed.
#pragma once

#include <vector>

#include "common/clock.h"
#include "common/error.h"
#include "vrrp/net/netlink.h"

namespace hapair::vrrp {

/// An address that the daemon does not renew leaves by itself: the kernel holds it on a lease, so that
/// a node whose daemon is dead or stuck cannot keep what its peer has taken over. Knows no clock.
class AddressKeeper {
 public:
  struct Settings {
    std::vector<AddressOrder> addresses;  // lifetimes are the lease's
    std::vector<RouteOrder> routes;
    Duration lease{};  // whole seconds; zero: addresses stay until they are removed
  };
  AddressKeeper(Settings settings, Netlink& netlink);

  const std::vector<AddressOrder>& addresses() const { return settings_.addresses; }
  const std::vector<RouteOrder>& routes() const { return settings_.routes; }
  /// How long the kernel keeps an address that is not renewed; zero: for ever.
  Duration lease() const { return settings_.lease; }
  bool is_on(int index) const;

  /// Removes what `next` does not have, or has in another way (label, scope). What failed.
  std::vector<Error> give_back(const Settings& next);
  /// Others from here on; put() puts them.
  void change(Settings settings);

  /// All of them, addresses first. What failed; empty: nothing.
  std::vector<Error> put(TimePoint now);
  /// From here on nothing is renewed. `were_there`: an address was.
  std::vector<Error> remove(bool& were_there);
  /// Those that are not there although they were put.
  std::vector<AddressOrder> missing() const;
  std::vector<Error> put_back(const std::vector<AddressOrder>& addresses);
  /// Routes go with an interface or an address that went, and nobody tells.
  std::vector<Error> put_routes();

  /// When renew() is due; kNever: nothing is held on a lease.
  TimePoint deadline() const { return renewal_; }
  std::vector<Error> renew(TimePoint now);

 private:

  Settings settings_;
  Netlink& netlink_;
  TimePoint renewal_ = kNever;
};

}  // namespace hapair::vrrp
