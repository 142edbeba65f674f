// Turns what ties a request to a server into the number that the balancers go by.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/address.h"
#include "common/siphash.h"
#include "proxy/config/balance.h"

namespace hapair::exchange {

/// No state and nothing but the configuration in it, so both nodes of a pair get the same numbers.
/// They are part of what nodes must agree on: they stay as they are from version to version.
class KeyHash {
 public:
  KeyHash() = default;
  /// `secret` is for SipHash; empty: a key that everybody knows.
  KeyHash(proxy::Balance::HashFunction function, std::string_view secret);

  /// Nothing only where the key itself is to be the number and is none.
  std::optional<std::uint64_t> of(std::string_view bytes) const;
  /// Of the leading bits; an IPv4 address is the same one when it comes mapped into IPv6.
  std::optional<std::uint64_t> of(const IpAddress& address, unsigned mask, unsigned mask6) const;

 private:
  proxy::Balance::HashFunction function_ = proxy::Balance::HashFunction::SipHash;
  SipKey key_;
};

}  // namespace hapair::exchange
