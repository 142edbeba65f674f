// Addresses as values.
#include "common/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "common/bytes.h"
#include "common/text.h"

namespace hapair {

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress address;
  store_be32(address.bytes_.data(), host_order);
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& network_order) {
  IpAddress address;
  address.v4_ = false;
  address.bytes_ = network_order;
  return address;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  IpAddress address;
  // inet_pton stops at a NUL: "1.2.3.4\0x" must not pass.
  if (copy.find('\0') == copy.npos) {
    if (inet_pton(AF_INET, copy.c_str(), address.bytes_.data()) == 1) return address;
    address.v4_ = false;
    if (inet_pton(AF_INET6, copy.c_str(), address.bytes_.data()) == 1) return address;
  }
  if (text.empty()) return fail(Errc::Syntax, "the address is empty");
  return fail(Errc::Syntax, "'{}' is not an IP address (names are not looked up)", text);
}

std::uint32_t IpAddress::to_v4() const {
  return load_be32(bytes_.data());
}

IpAddress IpAddress::unmapped() const {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool is_mapped = !v4_ && std::equal(kMapped, kMapped + sizeof kMapped, bytes_.data());
  return is_mapped ? v4(load_be32(bytes_.data() + sizeof kMapped)) : *this;
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return tl::make_unexpected(address.error());
  const int longest = static_cast<int>(address->size() * 8);
  if (slash == text.npos) return Cidr{*address, longest};
  const auto prefix = parse_number<int>(text.substr(slash + 1));
  if (!prefix || *prefix < 0 || *prefix > longest)
    return fail(Errc::Range, "'{}' is not a prefix length: a number from 0 to {}",
                text.substr(slash + 1), longest);
  return Cidr{*address, *prefix};
}

bool Cidr::contains(const IpAddress& candidate) const {
  if (candidate.is_v4() != address.is_v4()) return false;
  const auto whole = static_cast<std::size_t>(prefix / 8);
  if (!std::equal(address.data(), address.data() + whole, candidate.data())) return false;
  const int rest = prefix % 8;
  if (rest == 0) return true;
  return ((address.data()[whole] ^ candidate.data()[whole]) >> (8 - rest)) == 0;
}

std::string Cidr::to_string() const {
  return fmt::format("{}/{}", address.to_string(), prefix);
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  std::string_view host, port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == text.npos) return fail(Errc::Syntax, "'{}' lacks the closing ']'", text);
    host = text.substr(1, close - 1);
    if (host.find(':') == host.npos)
      return fail(Errc::Syntax, "'{}' is not an IPv6 address: brackets hold only those", host);
    port = text.substr(close + 1);
    if (!port.starts_with(':')) return fail(Errc::Syntax, "'{}' has no :port", text);
    port.remove_prefix(1);
  } else {
    const auto colon = text.rfind(':');
    if (colon == text.npos) return fail(Errc::Syntax, "'{}' has no :port", text);
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.find(':') != host.npos)
      return fail(Errc::Syntax, "'{}': write an IPv6 address in brackets, as \"[::1]:80\"", text);
  }
  SocketAddress address;
  if (!host.empty() && host != "*") {
    const auto ip = IpAddress::parse(host);
    if (!ip) return tl::make_unexpected(ip.error());
    address.ip = *ip;
  }
  const auto number = parse_number<std::uint16_t>(port);
  if (!number || *number == 0)
    return fail(Errc::Range, "'{}' is not a port: a number from 1 to 65535", port);
  address.port = *number;
  return address;
}

SocketAddress SocketAddress::from(const sockaddr* raw) {
  SocketAddress address;
  if (raw->sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, raw, sizeof in);
    address.ip = IpAddress::v4(ntohl(in.sin_addr.s_addr));
    address.port = ntohs(in.sin_port);
  } else if (raw->sa_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, raw, sizeof in);
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    address.ip = IpAddress::v6(bytes).unmapped();
    address.port = ntohs(in.sin6_port);
  }
  return address;
}

socklen_t SocketAddress::to_sockaddr(sockaddr_storage& out) const {
  out = {};
  if (ip.is_v4()) {
    auto& in = reinterpret_cast<sockaddr_in&>(out);
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, ip.data(), 4);
    return sizeof in;
  }
  auto& in = reinterpret_cast<sockaddr_in6&>(out);
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  std::memcpy(&in.sin6_addr, ip.data(), 16);
  return sizeof in;
}

std::string SocketAddress::to_string() const {
  if (unix_listener != 0) return fmt::format("unix:{}", unix_listener);
  return fmt::format(fmt::runtime(ip.is_v4() ? "{}:{}" : "[{}]:{}"), ip.to_string(), port);
}

Result<UnixAddress> UnixAddress::parse(std::string_view text) {
  constexpr std::string_view prefix = "unix:";
  if (!text.starts_with(prefix)) return fail(Errc::Syntax, "'{}' is not a Unix socket", text);
  std::string_view name = text.substr(prefix.size());
  UnixAddress address;
  address.is_abstract = name.starts_with('@');
  if (address.is_abstract) name.remove_prefix(1);
  if (name.empty()) return fail(Errc::Syntax, "'{}' names no socket", text);
  if (!address.is_abstract && !name.starts_with('/'))
    return fail(Errc::Syntax, "'{}': the path of a Unix socket begins with '/'", text);
  if (name.find('\0') != name.npos) return fail(Errc::Syntax, "a Unix socket's name has a NUL");
  if (name.size() > kLongest)
    return fail(Errc::Range, "the name of a Unix socket has at most {} bytes, this one {}", kLongest,
                name.size());
  address.name = name;
  return address;
}

socklen_t UnixAddress::to_sockaddr(sockaddr_storage& out) const {
  out = {};
  auto& un = reinterpret_cast<sockaddr_un&>(out);
  un.sun_family = AF_UNIX;
  // An abstract name begins with a NUL and ends with its length; a path ends with a NUL.
  std::memcpy(un.sun_path + (is_abstract ? 1 : 0), name.data(), name.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

std::string UnixAddress::to_string() const {
  return fmt::format("unix:{}{}", is_abstract ? "@" : "", name);
}

}  // namespace hapair
