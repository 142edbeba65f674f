#include "vrrp/core/auth_header.h"

#include <algorithm>

#include "common/crypto.h"

namespace hapair::vrrp {
namespace {

constexpr std::size_t kHeaderSize = 24;
constexpr std::size_t kSignatureAt = 12;
constexpr std::size_t kSignatureSize = 12;

using Signature = std::array<std::uint8_t, kSignatureSize>;

bool is_multicast(const IpAddress& address) { return address.to_v4() >> 28 == 0xE; }

Signature sign(ByteView ip_header, ByteView auth_header, ByteView message, const AuthBytes& key,
               bool multicast) {
  Bytes covered(ip_header.begin(), ip_header.end());
  covered[1] = 0;                // type of service
  covered[6] = covered[7] = 0;   // flags, fragment offset
  covered[10] = covered[11] = 0; // checksum
  // RFC 2402 3.3.3.1.1.1 leaves it out always; keepalived only where routers may lower it.
  if (!multicast) covered[8] = 0;
  append(covered, auth_header.first(kSignatureAt));
  covered.resize(covered.size() + kSignatureSize);
  append(covered, message);
  const auto digest = hmac_md5(as_text(key), as_text(covered));
  Signature signature;
  std::copy_n(digest.begin(), signature.size(), signature.begin());
  return signature;
}

}  // namespace

Bytes write_auth_header(const Endpoints& way, std::uint8_t ttl, std::uint16_t id,
                        const AuthBytes& key, std::uint32_t sequence, ByteView message) {
  Bytes payload(kHeaderSize);
  payload[0] = kProtocol;
  payload[1] = kHeaderSize / 4 - 2;  // in words, less two (RFC 2402 2.2)
  store_be32(&payload[4], way.source.to_v4());
  store_be32(&payload[8], sequence);
  append(payload, message);
  Bytes packet = write_packet(way, kAuthHeaderProtocol, ttl, id, payload);
  const ByteView all(packet);
  const std::size_t header = packet.size() - payload.size();
  const Signature signature =
      sign(all.first(header), all.subspan(header, kHeaderSize), message, key,
           is_multicast(way.destination));
  std::ranges::copy(signature, packet.begin() + static_cast<std::ptrdiff_t>(header + kSignatureAt));
  return packet;
}

tl::expected<AuthHeader, Refusal> read_auth_header(const Datagram& datagram, const AuthBytes& key) {
  const auto refuse = [](Refusal why) { return tl::make_unexpected(why); };
  const ByteView payload = datagram.payload;
  if (payload.size() < kHeaderSize) return refuse(Refusal::Length);
  if (payload[0] != kProtocol || payload[1] != kHeaderSize / 4 - 2) return refuse(Refusal::AuthKind);
  const ByteView message = payload.subspan(kHeaderSize);
  const Signature wanted = sign(datagram.header, payload.first(kHeaderSize), message, key,
                                is_multicast(datagram.way.destination));
  // Of equal length, so that nothing about the signature shows in how long this takes.
  if (!constant_time_equal(as_text(wanted),
                           as_text(payload.subspan(kSignatureAt, kSignatureSize))))
    return refuse(Refusal::Signature);
  if (load_be32(&payload[4]) != datagram.way.source.to_v4()) return refuse(Refusal::Signature);
  return AuthHeader{.sequence = load_be32(&payload[8]), .message = message};
}

}  // namespace hapair::vrrp
