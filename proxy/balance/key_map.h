// The server a request's key says, by a map of the configured weights: the same one on either node.
#pragma once

#include "proxy/balance/keyed.h"
#include "proxy/balance/schedule.h"

namespace hapair::balance {

/// The key modulo the configured weights (HAProxy's map-based hash). It has no state, so two nodes
/// with the same file agree without a word, and visitors keep their server through a failover.
///
/// The map does not change with health: only the visitors of a server that is down go elsewhere,
/// spread over the others by weight, and come back with it. HAProxy's map is laid out anew, so
/// there nearly everybody moves. A server added or removed moves nearly everybody here too: that is
/// what ConsistentHash is for. A live weight counts only when it is 0.
class KeyMap final : public Keyed {
 public:
  KeyMap(const Farm& farm, unsigned workers);

 private:
  int owner(const PickInput& input, bool with_room) override;
  int look_in(const Schedule& map, const PickInput& input, bool with_room) const;

  const Schedule active_;
  const Schedule backup_;
};

}  // namespace hapair::balance
