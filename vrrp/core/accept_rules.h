// The packet filter's rules of virtual addresses that nobody may speak to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vrrp/core/kernel_orders.h"

namespace hapair::vrrp {

/// RFC 9568 section 6.1: Accept_Mode false.
struct AcceptRules {
  std::string table;                 // one of its own, of both families
  std::vector<AddressOrder> closed;

  /// Commands of nft(8) that make the table, in place of one that is there. What comes in for the addresses
  /// is dropped, neighbour discovery excepted: who has them is still told. Whatever else is done with such
  /// packets before they come in (address translation, forwarding) is done. The table belongs to who makes
  /// it and is gone with it.
  std::string install() const;
};

}  // namespace hapair::vrrp
