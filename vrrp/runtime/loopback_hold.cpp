#include "vrrp/runtime/loopback_hold.h"

#include <linux/rtnetlink.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLease = 3s;
constexpr Duration kBetweenRenewals = 1s;

}  // namespace

Result<void> LoopbackHold::hold(const std::vector<IpAddress>& addresses,
                                const std::vector<std::string>& interfaces, TimePoint now) {
  const auto loopback = netlink_.link("lo");
  if (!loopback) return tl::make_unexpected(loopback.error());
  for (const std::string& interface : interfaces) {
    // Answer only for what is on the interface itself, and ask with nothing else.
    settings_.set(KernelSettings::ipv4(interface, "arp_ignore"), "1");
    settings_.set(KernelSettings::ipv4(interface, "arp_announce"), "2");
  }
  for (const IpAddress& address : addresses) {
    const AddressOrder order{.index = loopback->index,
                             .address = {address, address.is_v4() ? 32 : 128},
                             .scope = RT_SCOPE_HOST,
                             .lifetime = kLease};
    if (auto put = netlink_.put_address(order); !put) {
      release();
      return put;
    }
    orders_.push_back(order);
  }
  renewal_ = now + kBetweenRenewals;
  return {};
}

void LoopbackHold::release() {
  renewal_ = kNever;
  for (const AddressOrder& order : orders_)
    (void)netlink_.remove_address(order.index, order.address);
  orders_.clear();
  settings_.restore();
}

void LoopbackHold::renew(TimePoint now) {
  renewal_ = now + kBetweenRenewals;
  for (const AddressOrder& order : orders_) (void)netlink_.put_address(order);
}

Testament LoopbackHold::testament() const {
  Testament out{.settings = settings_.before()};
  for (const AddressOrder& order : orders_) out.addresses.push_back({order.index, order.address});
  return out;
}

}  // namespace hapair::vrrp
