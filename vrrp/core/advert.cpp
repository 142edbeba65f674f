#include "vrrp/core/advert.h"

#include <algorithm>

namespace hapair::vrrp {
namespace {

constexpr std::size_t kFixedSize = 8;  // up to the addresses
constexpr std::size_t kIpHeaderSize = 20;
constexpr std::uint8_t kVersionAndType = 0x21;

void append_address(Bytes& out, const IpAddress& address) {
  out.insert(out.end(), address.data(), address.data() + 4);
}

/// A password is not found byte by byte through the time a comparison takes.
bool equal_in_constant_time(const AuthBytes& a, const std::uint8_t* b) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

AuthBytes auth_bytes(std::string_view password) {
  AuthBytes data{};
  std::copy_n(password.begin(), std::min(password.size(), data.size()), data.begin());
  return data;
}

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::Header: return "malformed IP header";
    case Refusal::Ttl: return "TTL is not 255";
    case Refusal::OwnAddress: return "our own source address";
    case Refusal::Length: return "too short";
    case Refusal::Version: return "version is not 2";
    case Refusal::Type: return "type is not advertisement";
    case Refusal::Vrid: return "another virtual router id";
    case Refusal::Count: return "address count does not fit the length";
    case Refusal::Checksum: return "bad checksum";
    case Refusal::AuthKind: return "authentication type mismatch";
    case Refusal::Password: return "wrong password";
    case Refusal::Interval: return "advertisement interval mismatch";
  }
  return "unknown";
}

std::uint16_t checksum(ByteView bytes) {
  std::uint32_t sum = 0;
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) sum += load_be16(&bytes[i]);
  if (i < bytes.size()) sum += static_cast<std::uint32_t>(bytes[i] << 8);
  while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

Bytes encode(const Advert& advert) {
  Bytes out = {kVersionAndType,
               advert.virtual_router_id,
               advert.priority,
               static_cast<std::uint8_t>(advert.addresses.size()),
               static_cast<std::uint8_t>(advert.auth_type),
               static_cast<std::uint8_t>(advert.interval.count()),
               0,
               0};
  for (const IpAddress& address : advert.addresses) append_address(out, address);
  out.insert(out.end(), advert.auth.begin(), advert.auth.end());
  store_be16(&out[6], checksum(out));
  return out;
}

Bytes encode_datagram(const Advert& advert, const IpAddress& source, std::uint16_t id) {
  const Bytes message = encode(advert);
  Bytes out = {0x45, kTypeOfService};
  out.resize(kIpHeaderSize);
  store_be16(&out[2], static_cast<std::uint16_t>(kIpHeaderSize + message.size()));
  store_be16(&out[4], id);
  out[8] = kTtl;
  out[9] = kProtocol;
  std::copy_n(source.data(), 4, &out[12]);
  store_be32(&out[16], kGroup);
  store_be16(&out[10], checksum(out));
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

tl::expected<Datagram, Refusal> read_datagram(ByteView packet) {
  const auto refused = tl::make_unexpected(Refusal::Header);
  if (packet.size() < kIpHeaderSize || packet[0] >> 4 != 4) return refused;
  const std::size_t header = std::size_t{4} * (packet[0] & 0x0F);
  const std::size_t total = load_be16(&packet[2]);
  if (header < kIpHeaderSize || total < header || packet.size() < total) return refused;
  if (packet[9] != kProtocol) return refused;
  return Datagram{.source = IpAddress::v4(load_be32(&packet[12])),
                  .ttl = packet[8],
                  .payload = packet.subspan(header, total - header)};
}

tl::expected<Advert, Refusal> decode(const Datagram& datagram, const Terms& terms) {
  const auto refuse = [](Refusal why) { return tl::make_unexpected(why); };
  const ByteView in = datagram.payload;
  if (datagram.ttl != kTtl) return refuse(Refusal::Ttl);
  if (datagram.source == terms.own_address) return refuse(Refusal::OwnAddress);
  if (in.size() < kFixedSize) return refuse(Refusal::Length);
  // Version and identity before the exact length: version 3 is shorter, and not a broken version 2.
  if (in[0] >> 4 != kVersionAndType >> 4) return refuse(Refusal::Version);
  if ((in[0] & 0x0F) != (kVersionAndType & 0x0F)) return refuse(Refusal::Type);
  if (in[1] != terms.virtual_router_id) return refuse(Refusal::Vrid);
  if (in.size() < kFixedSize + kAuthSize) return refuse(Refusal::Length);
  const std::size_t count = in[3];
  if (in.size() != kFixedSize + 4 * count + kAuthSize) return refuse(Refusal::Count);
  if (checksum(in) != 0) return refuse(Refusal::Checksum);
  if (in[4] != static_cast<std::uint8_t>(terms.auth_type)) return refuse(Refusal::AuthKind);
  const std::uint8_t* auth = &in[kFixedSize + 4 * count];
  if (terms.auth_type == AuthType::Pass && !equal_in_constant_time(terms.auth, auth))
    return refuse(Refusal::Password);
  if (in[5] != terms.interval.count()) return refuse(Refusal::Interval);

  Advert advert{.virtual_router_id = in[1],
                .priority = in[2],
                .interval = std::chrono::seconds(in[5]),
                .auth_type = terms.auth_type,
                .auth = {},
                .addresses = {}};
  std::copy_n(auth, kAuthSize, advert.auth.begin());
  for (std::size_t i = 0; i < count; ++i)
    advert.addresses.push_back(IpAddress::v4(load_be32(&in[kFixedSize + 4 * i])));
  return advert;
}

}  // namespace hapair::vrrp
