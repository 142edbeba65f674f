// Addresses and routes put ahead of a change that may still fail.
#pragma once

#include <vector>

#include "common/error.h"
#include "vrrp/net/netlink.h"

namespace hapair::vrrp {

/// What it put is taken away again with it, unless it is to stay. What was there before is left
/// alone.
class AddressTrial {
 public:
  /// The kernel's answer to the first that it refuses; then nothing has changed.
  static Result<AddressTrial> put(Netlink& netlink, const std::vector<AddressOrder>& addresses,
                                  const std::vector<RouteOrder>& routes);
  ~AddressTrial();
  AddressTrial(AddressTrial&&) = default;
  AddressTrial& operator=(AddressTrial&&) = delete;

  void keep();

 private:
  explicit AddressTrial(Netlink& netlink) : netlink_(&netlink) {}

  Netlink* netlink_;
  std::vector<AddressOrder> addresses_;
  std::vector<RouteOrder> routes_;
};

}  // namespace hapair::vrrp
