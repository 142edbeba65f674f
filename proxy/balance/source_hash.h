// The server a client's address says: the same one for its every visit, on either node.
#pragma once

#include <cstdint>

#include "proxy/balance/balancer.h"
#include "proxy/balance/schedule.h"

namespace hapair::balance {

/// A hash of the address modulo the configured weights. It has no key and no state, so two nodes
/// with the same file agree without a word, and visitors keep their server through a failover.
///
/// The map does not change with health: only the visitors of a server that is down go elsewhere,
/// spread over the others by weight, and come back with it. HAProxy's map is laid out anew, so
/// there nearly everybody moves. A full server's visitors wait for it.
class SourceHash final : public Balancer {
 public:
  /// The farm must outlive it.
  explicit SourceHash(const Farm& farm);

  int pick(const PickInput& input) override;
  int tie(const PickInput& input) override;
  void rebuild() override {}

 private:
  const Farm& farm_;
  const Schedule map_;
};

/// Of the bytes in network order; an IPv4 client is the same one when it comes mapped into IPv6.
/// Part of what nodes must agree on: it stays as it is from version to version.
std::uint64_t hash_of(const IpAddress& address);

}  // namespace hapair::balance
