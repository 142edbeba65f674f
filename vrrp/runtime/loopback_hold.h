// Delivers to addresses that this host does not answer for.
#pragma once

#include <string>
#include <vector>

#include "common/clock.h"
#include "vrrp/core/testament.h"
#include "vrrp/net/netlink.h"
#include "vrrp/runtime/kernel_settings.h"

namespace hapair::vrrp {

/// The addresses are on the loopback, on a lease as elsewhere, and the interface neither answers nor asks
/// for them (ARP; over IPv6 a host does not by itself). Knows no clock.
class LoopbackHold {
 public:
  explicit LoopbackHold(Netlink& netlink) : netlink_(netlink) {}
  ~LoopbackHold() { release(); }

  /// `interfaces`: where the addresses are reached.
  Result<void> hold(const std::vector<IpAddress>& addresses,
                    const std::vector<std::string>& interfaces, TimePoint now);
  void release();
  bool is_holding() const { return !orders_.empty(); }

  TimePoint deadline() const { return renewal_; }
  void renew(TimePoint now);
  Testament testament() const;

 private:
  Netlink& netlink_;
  std::vector<AddressOrder> orders_;
  KernelSettings settings_;
  TimePoint renewal_ = kNever;
};

}  // namespace hapair::vrrp
