// The kernel's links and addresses, as the VRRP daemon needs them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/error.h"

namespace hapair::vrrp {

struct Link {
  int index = 0;
  std::string name;
  std::array<std::uint8_t, 6> mac{};
  bool up = false;  // switched on and with carrier
};

/// An interface so that tests can put a small kernel in its place. Every call is answered before it
/// returns: the kernel serves these without waiting for anything.
class Netlink {
 public:
  virtual ~Netlink() = default;

  /// Errc::NotFound if there is no such interface; the message names those that exist.
  virtual Result<Link> link(const std::string& name) = 0;
  /// All there are.
  virtual Result<std::vector<Link>> links() = 0;
  /// IPv4 addresses of an interface, the primary one first.
  virtual Result<std::vector<Cidr>> addresses(int index) = 0;
  /// Good as well if it is there already.
  virtual Result<void> add_address(int index, const Cidr& address) = 0;
  /// Good as well if it is not there.
  virtual Result<void> remove_address(int index, const Cidr& address) = 0;

  /// Calls back when a link or its addresses changed: ask again what you want to know. Index 0
  /// means that any of them may have changed.
  virtual void on_change(std::function<void(int index)> callback) = 0;
};

}  // namespace hapair::vrrp
