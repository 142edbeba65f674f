// What one node sends the other, sealed: only a holder of the pair's key can have made it, for this
// receiver, in this life of both.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "common/bytes.h"
#include "common/key_ring.h"

namespace hapair {

/// A process's name for itself, drawn when it starts: what was said to another life is not said to this
/// one, whatever the clocks of the two nodes think.
using Epoch = std::array<std::uint8_t, 16>;

struct PairEnvelope {
  static constexpr std::size_t kOverhead = 48 + 32;  // bytes around the payload
  static constexpr std::size_t kLargest = 8 * 1024;  // of a datagram

  Epoch from{};
  Epoch to{};                  // the receiver's, as the sender knows it; zeros: it does not
  std::uint64_t sequence = 0;  // of what `from` has sent
  std::string payload;
  friend bool operator==(const PairEnvelope&, const PairEnvelope&) = default;
};

Bytes seal(const PairEnvelope& envelope, const KeyRing::Key& key);
/// Nothing: it is none, or nobody has signed it whose key we have.
std::optional<PairEnvelope> unseal(ByteView datagram, const KeyRing& keys);

}  // namespace hapair
