// An instance's macvlan, which has the virtual router's own hardware address.
#pragma once

#include <memory>
#include <string>

#include "vrrp/config/config.h"
#include "vrrp/core/testament.h"
#include "vrrp/net/netlink.h"
#include "vrrp/runtime/kernel_settings.h"

namespace hapair::vrrp {

/// Of the interface to be made.
std::string virtual_mac_name(const Instance& instance);

/// The interface and the settings below /proc/sys that it needs; both are undone with it. Clients never
/// learn another hardware address then: only the switches learn another port.
class VirtualMac {
 public:
  /// `name`: of the interface to be made. `v6`: the virtual router has IPv6 addresses alone.
  static Result<std::unique_ptr<VirtualMac>> make(Netlink& netlink, const Link& parent,
                                                  const std::string& name, bool v6,
                                                  int virtual_router_id);
  ~VirtualMac();
  VirtualMac(const VirtualMac&) = delete;
  VirtualMac& operator=(const VirtualMac&) = delete;

  const Link& link() const { return link_; }
  /// What is to be undone if nobody is left to do it.
  Testament testament() const;

 private:
  VirtualMac(Netlink& netlink, Link link) : netlink_(netlink), link_(std::move(link)) {}

  Netlink& netlink_;
  Link link_;
  KernelSettings settings_;      // of others
  KernelSettings own_settings_;  // of the interface: they go with it
};

}  // namespace hapair::vrrp
