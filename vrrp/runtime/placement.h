// Where on this host an instance lives: its interfaces, its own addresses, whom it speaks to.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "vrrp/config/config.h"
#include "vrrp/core/kernel_orders.h"
#include "vrrp/core/testament.h"
#include "vrrp/net/netlink.h"

namespace hapair::vrrp {

/// One family's way to the peers.
struct Channel {
  IpAddress source;
  std::vector<IpAddress> destinations;  // the group, or each peer
  bool is_v6() const { return source.is_v6(); }
};

struct Placement {
  Link link;  // where adverts are heard
  Link face;  // where the addresses are, and adverts are sent: the link, or a macvlan on it
  std::vector<Channel> channels;  // IPv4 first; its source breaks ties
  std::string source_key;         // where the file names the source (" ([node.hap1] address)"), if it does
  std::vector<AddressOrder> addresses;
  std::vector<RouteOrder> routes;
  std::vector<IpAddress> peers;   // who may speak; empty: everybody on the link
  std::optional<IpAddress> peer;  // where adverts of the only one who may speak come from
  std::vector<Link> other_links;  // where addresses are that name an interface of their own
  bool forwards_v6 = false;       // the face forwards IPv6 packets
  /// The other node's priority while all is well there, if there is one other node and the file tells.
  std::optional<std::uint8_t> peer_priority{};
  /// What making the face has left to be undone.
  Testament face_testament;

  /// Of an interface that addresses are on.
  const Link& link_at(int index) const;
};

/// The interface an instance names, or the one whose network holds its first virtual address. A
/// virtual address that a crashed predecessor left is no network, and says nothing.
Result<Link> find_link(Netlink& netlink, const Instance& instance);

/// An error names what the host lacks. `virtual_ones` are no addresses of the host's own although they are
/// on it, as far as that is known beside `instance`.
Result<Placement> place(Netlink& netlink, const Config& config, const Instance& instance,
                        const Link& link, const Link& face,
                        const std::set<IpAddress>& virtual_ones = {});

}  // namespace hapair::vrrp
