#include "vrrp/core/auth_trailer.h"

#include <algorithm>

#include "common/crypto.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t kType = 1;  // HMAC-SHA256, cut to 128 bits
constexpr std::size_t kSignatureAt = 12;
constexpr std::size_t kSignatureSize = 16;
constexpr std::size_t kChecksumAt = 6;

using Signature = std::array<std::uint8_t, kSignatureSize>;

void store_be64(std::uint8_t* at, std::uint64_t value) {
  store_be32(at, static_cast<std::uint32_t>(value >> 32));
  store_be32(at + 4, static_cast<std::uint32_t>(value));
}

/// Binds the signature to family, version, virtual router and sender, as far as the message itself
/// does not tell them.
Bytes pseudo_header(const IpAddress& source, ByteView message) {
  Bytes out(4);
  out[0] = source.is_v4() ? 4 : 6;
  out[1] = message[0] >> 4;
  out[2] = message[1];
  append(out, ByteView(source.data(), source.size()));
  out.resize(20);
  return out;
}

Signature sign(const IpAddress& source, ByteView message, ByteView trailer,
               const KeyRing::Key& key) {
  Bytes covered = pseudo_header(source, message);
  const std::size_t begin = covered.size();
  append(covered, message);
  covered[begin + kChecksumAt] = covered[begin + kChecksumAt + 1] = 0;
  append(covered, trailer.first(kSignatureAt));
  covered.resize(covered.size() + kSignatureSize);
  const auto digest = hmac_sha256(key.secret, as_text(covered));
  Signature signature;
  std::copy_n(digest.begin(), signature.size(), signature.begin());
  return signature;
}

}  // namespace

Stamp Stamp::at(WallTime time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const auto rest = static_cast<std::uint64_t>(Duration(since - seconds).count());
  const std::uint64_t fraction = (rest << 16) / 1'000'000'000;
  return {static_cast<std::uint64_t>(seconds.count()) << 32 | fraction << 16};
}

Stamp StampSource::next(WallTime now, Duration window) {
  const Stamp clock = Stamp::at(now);
  const auto ahead = static_cast<std::int64_t>(last_.value - clock.value) >> 32;
  const bool set_back = ahead > std::chrono::duration_cast<std::chrono::seconds>(window).count();
  last_ = clock.is_after(last_) || set_back ? clock : Stamp{last_.value + 1};
  return last_;
}

Bytes write_auth_trailer(const IpAddress& source, ByteView message, const KeyRing::Key& key,
                         Stamp stamp) {
  Bytes out(kAuthTrailerSize);
  out[0] = kType;
  out[1] = key.id;
  store_be64(&out[4], stamp.value);
  std::ranges::copy(sign(source, message, out, key),
                    out.begin() + static_cast<std::ptrdiff_t>(kSignatureAt));
  return out;
}

std::optional<AuthTrailer> read_auth_trailer(ByteView bytes) {
  if (bytes[0] != kType || load_be16(&bytes[2]) != 0) return std::nullopt;
  return AuthTrailer{.key_id = bytes[1],
                     .stamp = {std::uint64_t{load_be32(&bytes[4])} << 32 | load_be32(&bytes[8])}};
}

bool is_signed(const IpAddress& source, ByteView message, ByteView trailer,
               const KeyRing::Key& key) {
  const Signature wanted = sign(source, message, trailer, key);
  return constant_time_equal(as_text(wanted),
                             as_text(trailer.subspan(kSignatureAt, kSignatureSize)));
}

}  // namespace hapair::vrrp
