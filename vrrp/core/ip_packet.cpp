#include "vrrp/core/ip_packet.h"

#include <algorithm>

namespace hapair::vrrp {
namespace {

constexpr std::size_t kIpv4Header = 20;

void put_address(Bytes& out, const IpAddress& address) {
  append(out, ByteView(address.data(), address.size()));
}

}  // namespace

IpAddress group(bool v6) {
  if (v6) return IpAddress::v6({0xFF, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12});
  return IpAddress::v4(0xE0000012);
}

std::uint16_t checksum(ByteView bytes) {
  std::uint32_t sum = 0;
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) sum += load_be16(&bytes[i]);
  if (i < bytes.size()) sum += static_cast<std::uint32_t>(bytes[i] << 8);
  while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::uint16_t checksum_behind_pseudo_header(const Endpoints& way, ByteView message,
                                            std::uint8_t protocol) {
  Bytes covered;
  put_address(covered, way.source);
  put_address(covered, way.destination);
  // Length and protocol stand in another order and width, which their sum does not see.
  covered.resize(covered.size() + 8);
  store_be32(&covered[covered.size() - 8], static_cast<std::uint32_t>(message.size()));
  covered.back() = protocol;
  append(covered, message);
  return checksum(covered);
}

tl::expected<Datagram, Refusal> read_ipv4(ByteView packet) {
  const auto refused = tl::make_unexpected(Refusal::Header);
  if (packet.size() < kIpv4Header || packet[0] >> 4 != 4) return refused;
  const std::size_t header = std::size_t{4} * (packet[0] & 0x0F);
  const std::size_t total = load_be16(&packet[2]);
  // What follows the total is padding of the link.
  if (header < kIpv4Header || total < header || packet.size() < total) return refused;
  return Datagram{.way = {.source = IpAddress::v4(load_be32(&packet[12])),
                          .destination = IpAddress::v4(load_be32(&packet[16]))},
                  .ttl = packet[8],
                  .protocol = packet[9],
                  .header = packet.first(header),
                  .payload = packet.subspan(header, total - header)};
}

Bytes write_packet(const Endpoints& way, std::uint8_t protocol, std::uint8_t ttl, std::uint16_t id,
                   ByteView payload) {
  Bytes out;
  if (way.is_v6()) {
    out.resize(8);
    out[0] = 0x60 | kTypeOfService >> 4;
    out[1] = static_cast<std::uint8_t>(kTypeOfService << 4);
    store_be16(&out[4], static_cast<std::uint16_t>(payload.size()));
    out[6] = protocol;
    out[7] = ttl;
    put_address(out, way.source);
    put_address(out, way.destination);
  } else {
    out = {0x45, kTypeOfService};
    out.resize(12);
    store_be16(&out[2], static_cast<std::uint16_t>(kIpv4Header + payload.size()));
    store_be16(&out[4], id);
    out[8] = ttl;
    out[9] = protocol;
    put_address(out, way.source);
    put_address(out, way.destination);
    store_be16(&out[10], checksum(out));
  }
  append(out, payload);
  return out;
}

}  // namespace hapair::vrrp
