// What is to be done in a daemon's place when it dies: values, ready to be carried out by somebody who
// knows nothing of elections.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/bytes.h"
#include "vrrp/core/kernel_orders.h"

namespace hapair::vrrp {

/// In this order: settings, routes, addresses and links go, then the resignations are sent, so that
/// nobody takes over what is still answered for here.
struct Testament {
  struct Address {
    int index = 0;
    Cidr address;
    friend bool operator==(const Address&, const Address&) = default;
  };
  struct Packet {  // a resignation, header included
    int index = 0;             // of the interface it leaves by; 0: wherever routes lead
    std::string interface;     // its name
    IpAddress destination;
    Bytes bytes;
    friend bool operator==(const Packet&, const Packet&) = default;
  };
  struct Setting {  // a file below /proc/sys and what it held before us
    std::string path;
    std::string value;
    friend bool operator==(const Setting&, const Setting&) = default;
  };
  std::vector<Address> addresses;
  std::vector<RouteOrder> routes;
  std::vector<int> links;
  std::vector<Packet> packets;
  std::vector<Setting> settings;
  std::vector<std::string> tables;  // of the packet filter
  std::vector<int> stopped;         // the proxy's process, which a drill stopped: it is to go on

  bool is_empty() const {
    return addresses.empty() && routes.empty() && links.empty() && packets.empty() && settings.empty() &&
           tables.empty() && stopped.empty();
  }
  friend bool operator==(const Testament&, const Testament&) = default;
};

void append(Testament& to, const Testament& more);
/// As bytes, for memory that two processes share, and back. Nothing: they are not what came out.
Bytes write_testament(const Testament& testament);
std::optional<Testament> read_testament(ByteView bytes);

}  // namespace hapair::vrrp
