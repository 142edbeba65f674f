// The packet filter's rules of a node that took an address and passes on what belongs to the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "vrrp/core/mac_address.h"

namespace hapair::vrrp {

/// A TCP connection, as its packets towards us name it.
struct Connection {
  SocketAddress client;
  SocketAddress local;
  friend bool operator==(const Connection&, const Connection&) = default;
};

/// Where the other node is reached on the link.
struct LinkPlace {
  MacAddress mac{};
  std::optional<IpAddress> v4;
  std::optional<IpAddress> v6;  // link-local
  friend bool operator==(const LinkPlace&, const LinkPlace&) = default;

  /// "02:00:00:00:00:01 192.168.50.11 fe80::1", and back.
  std::string to_string() const;
  static std::optional<LinkPlace> parse(std::string_view text);
};

struct ForwardRules {
  std::string table;                    // one of its own
  std::vector<std::string> interfaces;  // where packets for the addresses come in
  std::string exit;                     // where the other node is reached
  LinkPlace other;
  std::vector<IpAddress> addresses;
  std::vector<Connection> own;          // those that live here already

  /// Commands of nft(8) that make the table, in place of one that is there. A connection whose first
  /// segment is seen is noted as ours and stays so while it has traffic, and a minute behind its end;
  /// any other segment is sent to the other node as it came, unless it comes from there.
  std::string install() const;
  /// The same without a table that could be missing.
  static std::string remove(std::string_view table);
};

}  // namespace hapair::vrrp
