#include "vrrp/core/advert.h"

#include <algorithm>
#include <optional>

namespace hapair::vrrp {
namespace {

constexpr std::size_t kFixedSize = 8;  // up to the addresses
constexpr std::size_t kIpHeaderSize = 20;
constexpr std::uint8_t kAdvertisement = 1;  // the only type there is

std::uint8_t version_and_type(Version version) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(version) << 4 | kAdvertisement);
}

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
    case Refusal::Version: return "version is not ours";
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

namespace {

/// The checksum of `message` behind the pseudo header {source, group, 0, protocol, length}.
std::uint16_t checksum_with_pseudo_header(ByteView message, const IpAddress& source) {
  Bytes covered(12);
  std::copy_n(source.data(), 4, covered.begin());
  store_be32(&covered[4], kGroup);
  covered[9] = kProtocol;
  store_be16(&covered[10], static_cast<std::uint16_t>(message.size()));
  covered.insert(covered.end(), message.begin(), message.end());
  return checksum(covered);
}

std::uint16_t checksum_in(ChecksumForm form, ByteView message, const IpAddress& source) {
  return form == ChecksumForm::Pseudo ? checksum_with_pseudo_header(message, source)
                                      : checksum(message);
}

}  // namespace

Bytes encode(const Advert& advert, const IpAddress& source) {
  Bytes out(kFixedSize);
  out[0] = version_and_type(advert.version);
  out[1] = advert.virtual_router_id;
  out[2] = advert.priority;
  out[3] = static_cast<std::uint8_t>(advert.addresses.size());
  if (advert.version == Version::V3) {
    store_be16(&out[4], static_cast<std::uint16_t>(advert.interval / kCentisecond));
  } else {
    out[4] = static_cast<std::uint8_t>(advert.auth_type);
    out[5] = static_cast<std::uint8_t>(advert.interval / std::chrono::seconds(1));
  }
  for (const IpAddress& address : advert.addresses) append_address(out, address);
  if (advert.version == Version::V2)
    out.insert(out.end(), advert.auth.begin(), advert.auth.end());
  store_be16(&out[6], checksum_in(advert.checksum, out, source));
  return out;
}

Bytes encode_datagram(const Advert& advert, const IpAddress& source, std::uint16_t id) {
  const Bytes message = encode(advert, source);
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

namespace {

std::optional<Refusal> read_version2(ByteView in, const std::uint8_t* auth, const Terms& terms,
                                     Advert& advert) {
  if (checksum(in) != 0) return Refusal::Checksum;
  if (in[4] != static_cast<std::uint8_t>(terms.auth_type)) return Refusal::AuthKind;
  if (terms.auth_type == AuthType::Pass && !equal_in_constant_time(terms.auth, auth))
    return Refusal::Password;
  advert.interval = std::chrono::seconds(in[5]);
  if (advert.interval != terms.interval) return Refusal::Interval;
  std::copy_n(auth, kAuthSize, advert.auth.begin());
  return std::nullopt;
}

std::optional<Refusal> read_version3(ByteView in, const IpAddress& source, Advert& advert) {
  // Either form proves as much as the other.
  if (checksum_with_pseudo_header(in, source) == 0)
    advert.checksum = ChecksumForm::Pseudo;
  else if (checksum(in) == 0)
    advert.checksum = ChecksumForm::Plain;
  else
    return Refusal::Checksum;
  advert.interval = (load_be16(&in[4]) & 0x0FFF) * kCentisecond;  // the upper four bits are reserved
  // 0 would make its sender dead at once, and us master.
  if (advert.interval == Duration::zero()) return Refusal::Interval;
  return std::nullopt;
}

}  // namespace

tl::expected<Advert, Refusal> decode(const Datagram& datagram, const Terms& terms) {
  const auto refuse = [](Refusal why) { return tl::make_unexpected(why); };
  const ByteView in = datagram.payload;
  if (datagram.ttl != kTtl) return refuse(Refusal::Ttl);
  if (datagram.source == terms.own_address) return refuse(Refusal::OwnAddress);
  if (in.size() < kFixedSize) return refuse(Refusal::Length);
  // Version and identity before the exact length: version 3 is shorter, and not a broken version 2.
  if (in[0] >> 4 != static_cast<unsigned>(terms.version)) return refuse(Refusal::Version);
  if ((in[0] & 0x0F) != kAdvertisement) return refuse(Refusal::Type);
  if (in[1] != terms.virtual_router_id) return refuse(Refusal::Vrid);
  const std::size_t behind = terms.version == Version::V2 ? kAuthSize : 0;
  if (in.size() < kFixedSize + behind) return refuse(Refusal::Length);
  const std::size_t count = in[3];
  if (in.size() != kFixedSize + 4 * count + behind) return refuse(Refusal::Count);

  Advert advert{.version = terms.version,
                .virtual_router_id = in[1],
                .priority = in[2],
                .auth_type = terms.auth_type,
                .auth = {},
                .addresses = {}};
  const auto trouble = terms.version == Version::V3
                           ? read_version3(in, datagram.source, advert)
                           : read_version2(in, &in[kFixedSize + 4 * count], terms, advert);
  if (trouble) return refuse(*trouble);
  for (std::size_t i = 0; i < count; ++i)
    advert.addresses.push_back(IpAddress::v4(load_be32(&in[kFixedSize + 4 * i])));
  return advert;
}

}  // namespace hapair::vrrp
