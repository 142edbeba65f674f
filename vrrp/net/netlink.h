// The kernel's links, addresses and routes, as the VRRP daemon needs them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/error.h"
#include "vrrp/core/kernel_orders.h"
#include "vrrp/core/mac_address.h"

namespace hapair::vrrp {

struct Link {
  int index = 0;
  std::string name;
  MacAddress mac{};
  bool up = false;  // switched on and with carrier
};

/// An interface so that tests can put a small kernel in its place. Every call is answered before it
/// returns: the kernel serves these without waiting for anything.
class Netlink {
 public:
  virtual ~Netlink() = default;

  /// Errc::NotFound if there is no such interface; the message names those that exist.
  virtual Result<Link> link(const std::string& name) = 0;
  /// The same by its index, whatever it is called by now.
  virtual Result<Link> link(int index) = 0;
  /// All there are.
  virtual Result<std::vector<Link>> links() = 0;
  /// Addresses of an interface: IPv4 before IPv6, the primary ones first. Those of IPv6 that are still
  /// being proven to be nobody else's can be sent from only later, and count only `with_tentative`.
  virtual Result<std::vector<Cidr>> addresses(int index, bool with_tentative = false) = 0;
  /// Adds the address, or begins its lifetime again.
  virtual Result<void> put_address(const AddressOrder& order) = 0;
  /// Good as well if it is not there.
  virtual Result<void> remove_address(int index, const Cidr& address) = 0;
  /// Good as well if it is there already.
  virtual Result<void> put_route(const RouteOrder& order) = 0;
  /// Good as well if it is not there. Leaves routes that somebody else made.
  virtual Result<void> remove_route(const RouteOrder& order) = 0;
  /// A macvlan on `parent`, without addresses of its own, switched on. One of that name
  /// and parent that is there already, left by a predecessor, is replaced.
  virtual Result<Link> make_macvlan(int parent, const std::string& name, const MacAddress& mac) = 0;
  /// Good as well if it is not there.
  virtual Result<void> remove_link(int index) = 0;

  /// Calls back when a link or its addresses changed: ask again what you want to know. Index 0
  /// means that any of them may have changed.
  virtual void on_change(std::function<void(int index)> callback) = 0;
};

}  // namespace hapair::vrrp
