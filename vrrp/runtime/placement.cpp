#include "vrrp/runtime/placement.h"

#include <algorithm>

#include "vrrp/core/ip_packet.h"

namespace hapair::vrrp {
namespace {

bool is_virtual(const Instance& instance, const IpAddress& address) {
  return std::ranges::any_of(instance.virtual_addresses, [&](const VirtualAddress& virtual_one) {
    return virtual_one.address.address == address;
  });
}

bool is_link_local(const IpAddress& address) {
  return address.is_v6() && address.data()[0] == 0xFE && (address.data()[1] & 0xC0) == 0x80;
}

/// The address adverts of a family come from when the file gives none: the interface's first that is
/// not virtual (a crashed predecessor may have left one); over IPv6 its link-local one (RFC 9568
/// 5.1.2.1).
std::optional<IpAddress> primary_address(const std::vector<Cidr>& present, const Instance& instance,
                                         bool v6) {
  for (const Cidr& candidate : present)
    if (candidate.address.is_v6() == v6 && !is_virtual(instance, candidate.address) &&
        (!v6 || is_link_local(candidate.address)))
      return candidate.address;
  return std::nullopt;
}

/// Of the interface an address or a route names; the face's if it names none.
Result<int> index_of(Netlink& netlink, const std::string& interface, Placement& placement) {
  if (interface.empty() || interface == placement.link.name) return placement.face.index;
  const auto link = netlink.link(interface);
  if (!link) return tl::make_unexpected(link.error());
  if (std::ranges::find(placement.other_links, link->index, &Link::index) ==
      placement.other_links.end())
    placement.other_links.push_back(*link);
  return link->index;
}

Result<Channel> make_channel(const std::vector<Cidr>& present, const Config& config,
                             const Instance& instance, const Link& link, bool v6) {
  Channel channel;
  const auto is_family = [&](const IpAddress& address) { return address.is_v6() == v6; };
  if (instance.source && is_family(*instance.source))
    channel.source = *instance.source;
  else if (config.source && is_family(*config.source) && !v6)
    channel.source = *config.source;
  else if (const auto primary = primary_address(present, instance, v6))
    channel.source = *primary;
  else if (v6)
    return fail(Errc::NotFound, "{} has no link-local IPv6 address to send from", link.name);
  else
    return fail(Errc::NotFound, "{} has no IPv4 address to send from, and [node.{}] gives none",
                link.name, config.node);
  std::ranges::copy_if(instance.unicast_peers, std::back_inserter(channel.destinations), is_family);
  if (instance.unicast_peers.empty()) channel.destinations.push_back(group(v6));
  return channel;
}

std::vector<IpAddress> who_may_speak(const Config& config, const Instance& instance) {
  if (instance.peers.kind == Peers::Kind::Link) return {};
  if (instance.peers.kind == Peers::Kind::Listed) return instance.peers.addresses;
  if (!instance.unicast_peers.empty()) return instance.unicast_peers;
  std::vector<IpAddress> out;
  for (const Node& node : config.other_nodes) out.push_back(node.address);
  return out;
}

/// Of the first family, whose adverts break ties.
std::optional<IpAddress> only_peer(const std::vector<IpAddress>& peers, bool v6) {
  std::vector<IpAddress> of_family;
  std::ranges::copy_if(peers, std::back_inserter(of_family),
                       [v6](const IpAddress& peer) { return peer.is_v6() == v6; });
  if (of_family.size() != 1) return std::nullopt;
  return of_family.front();
}

}  // namespace

const Link& Placement::link_at(int index) const {
  const auto found = std::ranges::find(other_links, index, &Link::index);
  return found == other_links.end() ? face : *found;
}

Result<Link> find_link(Netlink& netlink, const Instance& instance) {
  if (instance.interface != "auto") return netlink.link(instance.interface);
  const IpAddress wanted = instance.virtual_addresses.front().address.address;
  const auto links = netlink.links();
  if (!links) return tl::make_unexpected(links.error());
  for (const Link& link : *links) {
    const auto present = netlink.addresses(link.index);
    if (!present) return tl::make_unexpected(present.error());
    for (const Cidr& own : *present)
      if (!is_virtual(instance, own.address) && own.contains(wanted)) return link;
  }
  return fail(Errc::NotFound,
              "interface = \"auto\": no interface has a network with {}; name the interface, or "
              "give this host an address there",
              wanted.to_string());
}

Result<Placement> place(Netlink& netlink, const Config& config, const Instance& instance,
                        const Link& link, const Link& face,
                        const std::set<IpAddress>& virtual_ones) {
  Placement out{.link = link, .face = face};
  auto present = netlink.addresses(link.index, /*with_tentative=*/true);
  if (!present) return tl::make_unexpected(present.error());
  std::erase_if(*present, [&](const Cidr& own) { return virtual_ones.contains(own.address); });
  for (const bool v6 : {false, true}) {
    if (!instance.has(v6)) continue;
    auto channel = make_channel(*present, config, instance, link, v6);
    if (!channel) return tl::make_unexpected(channel.error());
    if (!channel->destinations.empty()) out.channels.push_back(*std::move(channel));
  }
  if (instance.source)
    out.source_key = " (source)";
  else if (config.source)
    out.source_key = fmt::format(" ([node.{}] address)", config.node);
  for (const VirtualAddress& address : instance.virtual_addresses) {
    const auto index = index_of(netlink, address.interface, out);
    if (!index) return tl::make_unexpected(index.error());
    out.addresses.push_back({.index = *index,
                             .address = address.address,
                             .label = address.label,
                             .scope = address.scope});
  }
  for (const VirtualRoute& route : instance.virtual_routes) {
    const auto index = index_of(netlink, route.interface, out);
    if (!index) return tl::make_unexpected(index.error());
    out.routes.push_back({.to = route.to,
                          .via = route.via,
                          .source = route.source,
                          .index = *index,
                          .metric = route.metric,
                          .table = route.table});
  }
  out.peers = who_may_speak(config, instance);
  if (config.other_nodes.size() == 1) out.peer_priority = instance.peer_priority;
  if (!out.channels.empty()) out.peer = only_peer(out.peers, out.channels.front().is_v6());
  return out;
}

}  // namespace hapair::vrrp
