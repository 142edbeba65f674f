// Addresses as values: IP addresses, networks, and the places one can listen on or connect to.
#pragma once

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/error.h"

namespace hapair {

/// An IPv4 or IPv6 address. Ordered by family, then numerically.
class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v6(const std::array<std::uint8_t, 16>& network_order);
  static Result<IpAddress> parse(std::string_view text);

  bool is_v4() const { return v4_; }
  bool is_v6() const { return !v4_; }
  bool is_any() const { return bytes_ == std::array<std::uint8_t, 16>{}; }
  /// Length in bytes: 4 or 16.
  std::size_t size() const { return v4_ ? 4 : 16; }
  /// Network order; only the first size() bytes mean anything.
  const std::uint8_t* data() const { return bytes_.data(); }
  /// Only of an IPv4 address.
  std::uint32_t to_v4() const;
  /// IPv4 in IPv6's clothes (::ffff:10.0.0.1) as IPv4, else itself.
  IpAddress unmapped() const;
  std::string to_string() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};
};

/// A network: an address and how many leading bits of it count.
struct Cidr {
  IpAddress address;
  int prefix = 32;

  /// Reads "10.0.0.0/8"; without /prefix it is the one address (/32 or /128).
  static Result<Cidr> parse(std::string_view text);
  bool contains(const IpAddress& candidate) const;
  std::string to_string() const;
  friend bool operator==(const Cidr&, const Cidr&) = default;
};

/// IP address and port: where a server is, where a listener binds, who a client is.
struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;
  /// Not 0: a client of the Unix listener with this number. It has no IP address and no port.
  std::uint16_t unix_listener = 0;

  /// Reads "192.168.50.21:80", "[::1]:80", "*:80" (every IPv4 address) and ":80" likewise.
  static Result<SocketAddress> parse(std::string_view text);
  /// Unmapped: a listener for both families gives IPv4 in IPv6's clothes.
  static SocketAddress from(const sockaddr* raw);
  /// Fills `out` and returns the length the kernel wants.
  socklen_t to_sockaddr(sockaddr_storage& out) const;
  /// "10.0.0.1:80", "[::1]:80"; "unix:1" for a client of a Unix listener.
  std::string to_string() const;
  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

/// A Unix stream socket: a path in the file system, or an abstract name, which no file stands for
/// and which is gone with its last holder.
struct UnixAddress {
  /// What a sockaddr_un has room for, with the NUL that ends a path or begins an abstract name.
  static constexpr std::size_t kLongest = 107;

  std::string name;
  bool is_abstract = false;

  /// Reads "unix:/run/hapair/web.sock" and "unix:@name" (abstract).
  static Result<UnixAddress> parse(std::string_view text);
  /// Fills `out` and returns the length the kernel wants.
  socklen_t to_sockaddr(sockaddr_storage& out) const;
  /// As it is written.
  std::string to_string() const;
  friend auto operator<=>(const UnixAddress&, const UnixAddress&) = default;
};

}  // namespace hapair
