// The signature behind an advert, in the form of keepalived 2.4 and later: HMAC-SHA256 with key ids
// and a time, for both versions and both families.
#pragma once

#include <cstdint>
#include <optional>

#include "common/clock.h"
#include "common/key_ring.h"
#include "vrrp/core/advert.h"

namespace hapair::vrrp {

/// 28 bytes: type 1, key id, two reserved bytes, seconds of UTC (4), 1/65536 of a second (2), a
/// counter (2), and the first 16 bytes of the HMAC.
inline constexpr std::size_t kAuthTrailerSize = 28;

/// When an advert was signed, and which of that instant: a number that only grows, whoever starts
/// again meanwhile. Compared as serial numbers are (RFC 1982), as the seconds come to their end in 2106.
struct Stamp {
  std::uint64_t value = 0;

  static Stamp at(WallTime time);
  /// Of UTC, as the stamp has it.
  std::int64_t seconds() const { return static_cast<std::int64_t>(value >> 32); }
  bool is_after(Stamp other) const {
    return static_cast<std::int64_t>(value - other.value) > 0;
  }
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

/// Gives each advert a stamp that is greater than the one before: the time, or one more than the last
/// where the clock has not gone on. A clock that was set back by more than `window` starts anew.
class StampSource {
 public:
  Stamp next(WallTime now, Duration window);
  Stamp last() const { return last_; }
  void resume(Stamp last) { last_ = last; }

 private:
  Stamp last_;
};

struct AuthTrailer {
  std::uint8_t key_id = 0;
  Stamp stamp;
};

/// `message` is the advert without its trailer; its checksum is not signed. The receiver's address is
/// not signed either, so that the same advert goes to several peers.
Bytes write_auth_trailer(const IpAddress& source, ByteView message, const KeyRing::Key& key,
                         Stamp stamp);

/// Nothing: its type or a reserved byte is not ours to read. `bytes` are kAuthTrailerSize of them.
std::optional<AuthTrailer> read_auth_trailer(ByteView bytes);

/// Whether `key` has signed it.
bool is_signed(const IpAddress& source, ByteView message, ByteView trailer, const KeyRing::Key& key);

}  // namespace hapair::vrrp
