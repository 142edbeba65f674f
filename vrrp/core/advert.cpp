#include "vrrp/core/advert.h"

#include <algorithm>

namespace hapair::vrrp {
namespace {

constexpr std::size_t kFixedSize = 8;  // up to the addresses
constexpr std::uint8_t kAdvertisement = 1;  // the only type there is

std::size_t address_size(bool v6) { return v6 ? 16 : 4; }

IpAddress read_address(const std::uint8_t* at, bool v6) {
  if (!v6) return IpAddress::v4(load_be32(at));
  std::array<std::uint8_t, 16> bytes;
  std::copy_n(at, bytes.size(), bytes.begin());
  return IpAddress::v6(bytes);
}

/// A password is not found byte by byte through the time a comparison takes.
bool equal_in_constant_time(const AuthBytes& a, const std::uint8_t* b) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

std::uint16_t checksum_in(ChecksumForm form, ByteView message, const Endpoints& way) {
  return form == ChecksumForm::Pseudo ? checksum_behind_pseudo_header(way, message)
                                      : checksum(message);
}

std::optional<Refusal> read_version2(ByteView message, const Terms& terms, Advert& advert) {
  if (checksum(message) != 0) return Refusal::Checksum;
  if (message[4] != static_cast<std::uint8_t>(terms.auth_type)) return Refusal::AuthKind;
  const std::uint8_t* auth = &message[message.size() - kAuthSize];
  if (terms.auth_type == AuthType::Pass && !equal_in_constant_time(terms.auth, auth))
    return Refusal::Password;
  advert.interval = std::chrono::seconds(message[5]);
  if (advert.interval != terms.interval) return Refusal::Interval;
  std::copy_n(auth, kAuthSize, advert.auth.begin());
  return std::nullopt;
}

std::optional<Refusal> read_version3(ByteView message, const Endpoints& way, Advert& advert) {
  // Over IPv4 either form proves as much as the other.
  if (checksum_behind_pseudo_header(way, message) == 0)
    advert.checksum = ChecksumForm::Pseudo;
  else if (!way.is_v6() && checksum(message) == 0)
    advert.checksum = ChecksumForm::Plain;
  else
    return Refusal::Checksum;
  // The upper four bits are reserved.
  advert.interval = (load_be16(&message[4]) & 0x0FFF) * kCentisecond;
  // 0 would make its sender dead at once, and us master.
  if (advert.interval == Duration::zero()) return Refusal::Interval;
  return std::nullopt;
}

}  // namespace

AuthBytes auth_bytes(std::string_view password) {
  AuthBytes data{};
  std::copy_n(password.begin(), std::min(password.size(), data.size()), data.begin());
  return data;
}

Bytes encode_message(const Advert& advert, const Endpoints& way, ByteView trailer) {
  Bytes out(kFixedSize);
  out[0] = static_cast<std::uint8_t>(static_cast<unsigned>(advert.version) << 4 | kAdvertisement);
  out[1] = advert.virtual_router_id;
  out[2] = advert.priority;
  out[3] = static_cast<std::uint8_t>(advert.addresses.size());
  if (advert.version == Version::V3) {
    store_be16(&out[4], static_cast<std::uint16_t>(advert.interval / kCentisecond));
  } else {
    out[4] = static_cast<std::uint8_t>(advert.auth_type);
    out[5] = static_cast<std::uint8_t>(advert.interval / std::chrono::seconds(1));
  }
  for (const IpAddress& address : advert.addresses)
    append(out, ByteView(address.data(), address.size()));
  if (advert.version == Version::V2) append(out, advert.auth);
  if (way.is_v6()) append(out, trailer);
  const ChecksumForm form = way.is_v6() ? ChecksumForm::Pseudo : advert.checksum;
  store_be16(&out[6], checksum_in(form, out, way));
  if (!way.is_v6()) append(out, trailer);
  return out;
}

std::optional<std::size_t> message_size(ByteView bytes, bool v6) {
  if (bytes.size() < kFixedSize) return std::nullopt;
  const bool version2 = bytes[0] >> 4 == static_cast<unsigned>(Version::V2);
  return kFixedSize + address_size(v6) * bytes[3] + (version2 ? kAuthSize : 0);
}

tl::expected<Advert, Refusal> decode_message(ByteView bytes, const Endpoints& way,
                                             const Terms& terms, std::size_t trailer) {
  const auto refuse = [](Refusal why) { return tl::make_unexpected(why); };
  const auto size = message_size(bytes, way.is_v6());
  if (!size) return refuse(Refusal::Length);
  // Version and identity before the exact length: version 3 is shorter, and not a broken version 2.
  if (bytes[0] >> 4 != static_cast<unsigned>(terms.version)) return refuse(Refusal::Version);
  if ((bytes[0] & 0x0F) != kAdvertisement) return refuse(Refusal::Type);
  if (bytes[1] != terms.virtual_router_id) return refuse(Refusal::Vrid);
  const std::size_t behind = terms.version == Version::V2 ? kAuthSize : 0;
  if (bytes.size() < kFixedSize + behind) return refuse(Refusal::Length);
  if (bytes.size() != *size + trailer) return refuse(Refusal::Count);

  Advert advert{.version = terms.version,
                .virtual_router_id = bytes[1],
                .priority = bytes[2],
                .auth_type = terms.auth_type,
                .auth = {},
                .addresses = {}};
  // Over IPv6 the checksum covers all that the packet carries.
  const ByteView covered = way.is_v6() ? bytes : bytes.first(*size);
  const auto trouble = terms.version == Version::V3 ? read_version3(covered, way, advert)
                                                    : read_version2(covered, terms, advert);
  if (trouble) return refuse(*trouble);
  for (std::size_t i = 0; i < bytes[3]; ++i)
    advert.addresses.push_back(
        read_address(&bytes[kFixedSize + address_size(way.is_v6()) * i], way.is_v6()));
  return advert;
}

}  // namespace hapair::vrrp
