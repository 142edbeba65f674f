#include "common/pair_envelope.h"

#include <algorithm>

#include "common/crypto.h"

namespace hapair {
namespace {

// "hpr", the version of the envelope, the key's id, three reserved bytes; then from, to, sequence.
constexpr std::array<std::uint8_t, 4> kMagic = {'h', 'p', 'r', 1};
constexpr std::size_t kKeyAt = 4, kFromAt = 8, kToAt = 24, kSequenceAt = 40, kPayloadAt = 48;
constexpr std::size_t kSignatureSize = 32;

void store_be64(std::uint8_t* at, std::uint64_t value) {
  store_be32(at, static_cast<std::uint32_t>(value >> 32));
  store_be32(at + 4, static_cast<std::uint32_t>(value));
}

}  // namespace

Bytes seal(const PairEnvelope& envelope, const KeyRing::Key& key) {
  Bytes out(kPayloadAt);
  std::ranges::copy(kMagic, out.begin());
  out[kKeyAt] = key.id;
  std::ranges::copy(envelope.from, out.begin() + kFromAt);
  std::ranges::copy(envelope.to, out.begin() + kToAt);
  store_be64(&out[kSequenceAt], envelope.sequence);
  out.insert(out.end(), envelope.payload.begin(), envelope.payload.end());
  append(out, hmac_sha256(key.secret, as_text(out)));
  return out;
}

std::optional<PairEnvelope> unseal(ByteView datagram, const KeyRing& keys) {
  if (datagram.size() < kPayloadAt + kSignatureSize || datagram.size() > PairEnvelope::kLargest ||
      !std::equal(kMagic.begin(), kMagic.end(), datagram.begin()))
    return std::nullopt;
  const KeyRing::Key* key = keys.find(datagram[kKeyAt]);
  if (!key) return std::nullopt;
  const ByteView signed_part = datagram.first(datagram.size() - kSignatureSize);
  const auto wanted = hmac_sha256(key->secret, as_text(signed_part));
  if (!constant_time_equal(as_text(wanted), as_text(datagram.last(kSignatureSize))))
    return std::nullopt;
  PairEnvelope envelope;
  std::copy_n(&datagram[kFromAt], envelope.from.size(), envelope.from.begin());
  std::copy_n(&datagram[kToAt], envelope.to.size(), envelope.to.begin());
  envelope.sequence =
      std::uint64_t{load_be32(&datagram[kSequenceAt])} << 32 | load_be32(&datagram[kSequenceAt + 4]);
  envelope.payload = as_text(signed_part.subspan(kPayloadAt));
  return envelope;
}

}  // namespace hapair
