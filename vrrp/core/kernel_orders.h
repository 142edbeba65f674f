// What is asked of the kernel for a virtual router, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/address.h"
#include "common/clock.h"

namespace hapair::vrrp {

/// An address to be put on an interface.
struct AddressOrder {
  int index = 0;
  Cidr address;
  std::string label;  // IPv4; empty: the interface's name
  int scope = 0;      // RT_SCOPE_*; 0 is global
  /// The kernel takes the address away when it was not put again for so long; zero: never. Whole
  /// seconds.
  Duration lifetime{};
  friend bool operator==(const AddressOrder&, const AddressOrder&) = default;
};

/// A route to be put into a table. Routes are marked as ours, so that nobody else's is removed.
struct RouteOrder {
  Cidr to;
  std::optional<IpAddress> via;
  std::optional<IpAddress> source;
  int index = 0;            // 0: the kernel finds it by `via`
  std::uint32_t metric = 0;
  std::uint32_t table = 0;  // 0: main
  friend bool operator==(const RouteOrder&, const RouteOrder&) = default;
};

}  // namespace hapair::vrrp
