#include "vrrp/runtime/address_trial.h"

#include <algorithm>

namespace hapair::vrrp {

Result<AddressTrial> AddressTrial::put(Netlink& netlink, const std::vector<AddressOrder>& addresses,
                                       const std::vector<RouteOrder>& routes) {
  AddressTrial self(netlink);
  for (const AddressOrder& order : addresses) {
    const auto present = netlink.addresses(order.index, /*with_tentative=*/true);
    if (!present) return tl::make_unexpected(present.error());
    if (std::ranges::find(*present, order.address) != present->end()) continue;
    if (auto put = netlink.put_address(order); !put) return tl::make_unexpected(put.error());
    self.addresses_.push_back(order);
  }
  for (const RouteOrder& route : routes) {
    if (auto put = netlink.put_route(route); !put) return tl::make_unexpected(put.error());
    self.routes_.push_back(route);
  }
  return self;
}

AddressTrial::~AddressTrial() {
  for (const RouteOrder& route : routes_) (void)netlink_->remove_route(route);
  for (const AddressOrder& order : addresses_)
    (void)netlink_->remove_address(order.index, order.address);
}

void AddressTrial::keep() {
  addresses_.clear();
  routes_.clear();
}

}  // namespace hapair::vrrp
