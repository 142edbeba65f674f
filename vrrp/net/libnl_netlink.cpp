// The only file that includes netlink/*. libnl's objects are held by unique_ptr from the moment
// they exist; its callbacks never let an exception through.
#include "vrrp/net/libnl_netlink.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/macvlan.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "common/bytes.h"

namespace hapair::vrrp {
namespace {

template <auto free_function>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using Socket = std::unique_ptr<nl_sock, Freer<nl_socket_free>>;
using Cache = std::unique_ptr<nl_cache, Freer<nl_cache_free>>;
using LinkObject = std::unique_ptr<rtnl_link, Freer<rtnl_link_put>>;
using AddressObject = std::unique_ptr<rtnl_addr, Freer<rtnl_addr_put>>;
using RouteObject = std::unique_ptr<rtnl_route, Freer<rtnl_route_put>>;
using RawAddress = std::unique_ptr<nl_addr, Freer<nl_addr_put>>;

template <typename... Args>
tl::unexpected<Error> fail_nl(int error, fmt::format_string<Args...> format, Args&&... args) {
  const int code = std::abs(error);
  const Errc kind = code == NLE_PERM || code == NLE_NOACCESS        ? Errc::Denied
                    : code == NLE_NODEV || code == NLE_OBJ_NOTFOUND ? Errc::NotFound
                                                                    : Errc::System;
  return tl::make_unexpected(
      Error{kind, fmt::format(format, std::forward<Args>(args)...) + ": " + nl_geterror(error)});
}

Result<Socket> connect() {
  Socket socket(nl_socket_alloc());
  if (!socket) return fail(Errc::System, "cannot allocate a netlink socket");
  if (const int error = nl_connect(socket.get(), NETLINK_ROUTE); error < 0)
    return fail_nl(error, "cannot open a netlink socket");
  return socket;
}

// The protocol number of VRRP, in /etc/iproute2/rt_protos nobody's: how our routes are told.
constexpr std::uint8_t kOurRoutes = 112;

int family_of(const IpAddress& address) { return address.is_v4() ? AF_INET : AF_INET6; }

RawAddress build(const IpAddress& address, int prefix) {
  RawAddress out(nl_addr_build(family_of(address), address.data(), address.size()));
  if (out) nl_addr_set_prefixlen(out.get(), prefix);
  return out;
}

AddressObject make_address(int index, const Cidr& address) {
  AddressObject object(rtnl_addr_alloc());
  const RawAddress local = build(address.address, address.prefix);
  if (!object || !local) return nullptr;
  rtnl_addr_set_ifindex(object.get(), index);
  // Without broadcast of its own, as `ip addr add 192.168.50.10/32` leaves it.
  if (rtnl_addr_set_local(object.get(), local.get()) < 0) return nullptr;
  return object;
}

RouteObject make_route(const RouteOrder& order) {
  RouteObject route(rtnl_route_alloc());
  const RawAddress to = build(order.to.address, order.to.prefix);
  if (!route || !to) return nullptr;
  rtnl_route_set_family(route.get(), static_cast<std::uint8_t>(family_of(order.to.address)));
  rtnl_route_set_protocol(route.get(), kOurRoutes);
  rtnl_route_set_table(route.get(), order.table != 0 ? order.table : RT_TABLE_MAIN);
  rtnl_route_set_scope(route.get(), order.via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
  if (order.metric != 0) rtnl_route_set_priority(route.get(), order.metric);
  if (rtnl_route_set_dst(route.get(), to.get()) < 0) return nullptr;
  if (order.source) {
    const RawAddress source = build(*order.source, static_cast<int>(order.source->size()) * 8);
    if (!source || rtnl_route_set_pref_src(route.get(), source.get()) < 0) return nullptr;
  }
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  if (!hop) return nullptr;
  if (order.index != 0) rtnl_route_nh_set_ifindex(hop, order.index);
  if (order.via) {
    const RawAddress via = build(*order.via, static_cast<int>(order.via->size()) * 8);
    if (via) rtnl_route_nh_set_gateway(hop, via.get());
  }
  rtnl_route_add_nexthop(route.get(), hop);  // which is the route's from here on
  return route;
}

IpAddress read_address(nl_addr* raw) {
  const auto* bytes = static_cast<const std::uint8_t*>(nl_addr_get_binary_addr(raw));
  if (nl_addr_get_family(raw) == AF_INET) return IpAddress::v4(load_be32(bytes));
  std::array<std::uint8_t, 16> whole;
  std::copy_n(bytes, whole.size(), whole.begin());
  return IpAddress::v6(whole);
}

Link read_link(rtnl_link* object) {
  Link link{.index = rtnl_link_get_ifindex(object), .name = rtnl_link_get_name(object), .mac = {},
            .up = false};
  const unsigned flags = rtnl_link_get_flags(object);
  link.up = (flags & IFF_UP) && (flags & IFF_RUNNING);
  if (nl_addr* mac = rtnl_link_get_addr(object); mac && nl_addr_get_len(mac) == link.mac.size())
    std::memcpy(link.mac.data(), nl_addr_get_binary_addr(mac), link.mac.size());
  return link;
}

std::string interface_names() {
  std::string names;
  struct if_nameindex* list = if_nameindex();
  for (const auto* at = list; at && at->if_index; ++at) {
    if (!names.empty()) names += ", ";
    names += at->if_name;
  }
  if (list) if_freenameindex(list);
  return names;
}

}  // namespace

struct LibnlNetlink::Impl final : Watcher {
  ~Impl() {
    if (events) loop->forget(nl_socket_get_fd(events.get()), *this);
  }

  void on_ready(std::uint32_t) override {
    for (;;) {
      const int result = nl_recvmsgs_default(events.get());
      if (result == -NLE_AGAIN) break;
      // ENOBUFS arrives as NLE_NOMEM: events were lost, so anything may have changed.
      if (result < 0) {
        changed.push_back(0);
        if (result != -NLE_NOMEM) break;
      }
    }
    std::vector<int> indexes = std::exchange(changed, {});
    std::sort(indexes.begin(), indexes.end());
    indexes.erase(std::unique(indexes.begin(), indexes.end()), indexes.end());
    for (int index : indexes)
      if (callback) callback(index);
  }

  void on_message(const nlmsghdr& header) {
    if (header.nlmsg_type == RTM_NEWLINK || header.nlmsg_type == RTM_DELLINK)
      changed.push_back(static_cast<const ifinfomsg*>(nlmsg_data(&header))->ifi_index);
    else if (header.nlmsg_type == RTM_NEWADDR || header.nlmsg_type == RTM_DELADDR)
      changed.push_back(
          static_cast<int>(static_cast<const ifaddrmsg*>(nlmsg_data(&header))->ifa_index));
  }

  Loop* loop = nullptr;  // of the events; none without
  Socket requests;
  Socket events;
  std::vector<int> changed;
  std::function<void(int)> callback;
};

LibnlNetlink::LibnlNetlink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LibnlNetlink::~LibnlNetlink() = default;

Result<std::unique_ptr<LibnlNetlink>> LibnlNetlink::open() {
  auto impl = std::make_unique<Impl>();
  auto requests = connect();
  if (!requests) return tl::make_unexpected(requests.error());
  impl->requests = *std::move(requests);
  return std::unique_ptr<LibnlNetlink>(new LibnlNetlink(std::move(impl)));
}

Result<std::unique_ptr<LibnlNetlink>> LibnlNetlink::open(Loop& loop) {
  auto self = open();
  if (!self) return self;
  Impl* const impl = (*self)->impl_.get();
  auto events = connect();
  if (!events) return tl::make_unexpected(events.error());
  nl_socket_disable_seq_check(events->get());
  if (const int error = nl_socket_set_nonblocking(events->get()); error < 0)
    return fail_nl(error, "cannot set up the netlink socket");
  nl_socket_modify_cb(
      events->get(), NL_CB_VALID, NL_CB_CUSTOM,
      [](nl_msg* message, void* watcher) noexcept -> int {
        static_cast<Impl*>(watcher)->on_message(*nlmsg_hdr(message));
        return NL_OK;
      },
      impl);
  if (const int error =
          nl_socket_add_memberships(events->get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                                    RTNLGRP_IPV6_IFADDR, 0);
      error < 0)
    return fail_nl(error, "cannot listen to the kernel's link events");
  impl->events = *std::move(events);
  impl->loop = &loop;
  loop.watch(nl_socket_get_fd(impl->events.get()), *impl);
  return self;
}

Result<Link> LibnlNetlink::link(const std::string& name) {
  rtnl_link* raw = nullptr;
  const int error = rtnl_link_get_kernel(impl_->requests.get(), 0, name.c_str(), &raw);
  if (error < 0) {
    auto failure = fail_nl(error, "interface {}", name);
    if (failure.value().code == Errc::NotFound)
      return fail(Errc::NotFound, "there is no interface {}; this host has {}", name,
                  interface_names());
    return failure;
  }
  const LinkObject object(raw);
  return read_link(raw);
}

Result<Link> LibnlNetlink::link(int index) {
  rtnl_link* raw = nullptr;
  const int error = rtnl_link_get_kernel(impl_->requests.get(), index, nullptr, &raw);
  if (error < 0) return fail_nl(error, "interface {}", index);
  const LinkObject object(raw);
  return read_link(raw);
}

Result<std::vector<Link>> LibnlNetlink::links() {
  nl_cache* raw = nullptr;
  if (const int error = rtnl_link_alloc_cache(impl_->requests.get(), AF_UNSPEC, &raw); error < 0)
    return fail_nl(error, "cannot list the interfaces");
  const Cache cache(raw);
  std::vector<Link> out;
  for (nl_object* at = nl_cache_get_first(raw); at; at = nl_cache_get_next(at))
    out.push_back(read_link(reinterpret_cast<rtnl_link*>(at)));
  return out;
}

Result<std::vector<Cidr>> LibnlNetlink::addresses(int index, bool with_tentative) {
  nl_cache* raw = nullptr;
  if (const int error = rtnl_addr_alloc_cache(impl_->requests.get(), &raw); error < 0)
    return fail_nl(error, "cannot list the addresses");
  const Cache cache(raw);
  std::vector<Cidr> primary, secondary, v6;
  for (nl_object* at = nl_cache_get_first(raw); at; at = nl_cache_get_next(at)) {
    auto* address = reinterpret_cast<rtnl_addr*>(at);  // how libnl means it: a cache of addresses
    nl_addr* local = rtnl_addr_get_local(address);
    if (rtnl_addr_get_ifindex(address) != index || !local) continue;
    const int family = nl_addr_get_family(local);
    const unsigned flags = rtnl_addr_get_flags(address);
    if ((flags & IFA_F_DADFAILED) || ((flags & IFA_F_TENTATIVE) && !with_tentative)) continue;
    if (family != AF_INET && family != AF_INET6) continue;
    auto& list = family == AF_INET6 ? v6 : (flags & IFA_F_SECONDARY) ? secondary : primary;
    list.push_back({read_address(local), rtnl_addr_get_prefixlen(address)});
  }
  primary.insert(primary.end(), secondary.begin(), secondary.end());
  primary.insert(primary.end(), v6.begin(), v6.end());
  return primary;
}

Result<void> LibnlNetlink::put_address(const AddressOrder& order) {
  const AddressObject object = make_address(order.index, order.address);
  if (!object) return fail(Errc::System, "out of memory");
  rtnl_addr_set_scope(object.get(), order.scope);
  if (!order.label.empty() && rtnl_addr_set_label(object.get(), order.label.c_str()) < 0)
    return fail(Errc::Range, "cannot add {}: the label {} is too long", order.address.to_string(),
                order.label);
  const bool v6 = order.address.address.is_v6();
  // The address was another's a moment ago: whether it is free is the election's to know.
  if (v6) rtnl_addr_set_flags(object.get(), IFA_F_NODAD);
  constexpr std::uint32_t kForever = 0xFFFFFFFF;
  const auto seconds = static_cast<std::uint32_t>(order.lifetime / std::chrono::seconds(1));
  const std::uint32_t valid = seconds > 0 ? seconds : kForever;
  rtnl_addr_set_valid_lifetime(object.get(), valid);
  // Not preferred: nothing of this host's own shall speak from an address that may leave.
  rtnl_addr_set_preferred_lifetime(object.get(), v6 ? 0 : valid);
  const int error =
      rtnl_addr_add(impl_->requests.get(), object.get(), NLM_F_CREATE | NLM_F_REPLACE);
  if (error < 0) return fail_nl(error, "cannot add {}", order.address.to_string());
  return {};
}

Result<void> LibnlNetlink::remove_address(int index, const Cidr& address) {
  const AddressObject object = make_address(index, address);
  if (!object) return fail(Errc::System, "out of memory");
  const int error = rtnl_addr_delete(impl_->requests.get(), object.get(), 0);
  if (error < 0 && error != -NLE_NOADDR && error != -NLE_NODEV)
    return fail_nl(error, "cannot remove {}", address.to_string());
  return {};
}

Result<void> LibnlNetlink::put_route(const RouteOrder& order) {
  const RouteObject route = make_route(order);
  if (!route) return fail(Errc::System, "out of memory");
  const int error = rtnl_route_add(impl_->requests.get(), route.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (error == -NLE_EXIST) {
    // Ours, which is removed by its mark alone, or somebody else's, which stays in the way.
    if (auto removed = remove_route(order); !removed) return removed;
    const int again = rtnl_route_add(impl_->requests.get(), route.get(), NLM_F_CREATE | NLM_F_EXCL);
    if (again == -NLE_EXIST)
      return fail(Errc::System, "cannot add the route to {}: there is one already that is not ours; "
                  "another metric lets both be", order.to.to_string());
    if (again < 0) return fail_nl(again, "cannot add the route to {}", order.to.to_string());
    return {};
  }
  if (error < 0) return fail_nl(error, "cannot add the route to {}", order.to.to_string());
  return {};
}

Result<void> LibnlNetlink::remove_route(const RouteOrder& order) {
  const RouteObject route = make_route(order);
  if (!route) return fail(Errc::System, "out of memory");
  const int error = rtnl_route_delete(impl_->requests.get(), route.get(), 0);
  if (error < 0 && error != -NLE_OBJ_NOTFOUND && error != -NLE_NODEV)
    return fail_nl(error, "cannot remove the route to {}", order.to.to_string());
  return {};
}

Result<Link> LibnlNetlink::make_macvlan(int parent, const std::string& name,
                                        const MacAddress& mac) {
  nl_sock* const socket = impl_->requests.get();
  const RawAddress hardware(nl_addr_build(AF_LLC, mac.data(), mac.size()));
  rtnl_link* raw = nullptr;
  if (rtnl_link_get_kernel(socket, 0, name.c_str(), &raw) == 0) {
    const LinkObject there(raw);
    if (!rtnl_link_is_macvlan(raw) || rtnl_link_get_link(raw) != parent)
      return fail(Errc::System, "there is an interface {} already that is not ours", name);
    if (auto removed = remove_link(rtnl_link_get_ifindex(raw)); !removed)
      return tl::make_unexpected(removed.error());
  }
  const LinkObject wanted(rtnl_link_macvlan_alloc());
  if (!wanted || !hardware) return fail(Errc::System, "out of memory");
  rtnl_link_set_name(wanted.get(), name.c_str());
  rtnl_link_set_link(wanted.get(), parent);
  rtnl_link_set_addr(wanted.get(), hardware.get());
  // The other node's frames have this very source address. In the private mode they would be taken
  // for ours and kept from the parent, which has the adverts' group and this host's own address.
  rtnl_link_macvlan_set_mode(wanted.get(), MACVLAN_MODE_BRIDGE);
  if (const int error = rtnl_link_add(socket, wanted.get(), NLM_F_CREATE | NLM_F_EXCL); error < 0)
    return fail_nl(error, "cannot make the macvlan {}", name);
  const auto there = link(name);
  if (!there) return there;
  const LinkObject made(rtnl_link_alloc()), quiet(rtnl_link_alloc()), on(rtnl_link_alloc());
  if (!made || !quiet || !on) return fail(Errc::System, "out of memory");
  rtnl_link_set_ifindex(made.get(), there->index);
  // No link-local address of its own: both nodes would have the same. Recent kernels (6.18) refuse to be
  // told before the interface exists; one without IPv6 gives none anyway.
  rtnl_link_inet6_set_addr_gen_mode(quiet.get(), IN6_ADDR_GEN_MODE_NONE);
  if (const int error = rtnl_link_change(socket, made.get(), quiet.get(), 0);
      error < 0 && error != -NLE_AF_NOSUPPORT)
    return fail_nl(error, "cannot keep IPv6 off {}", name);
  rtnl_link_set_flags(on.get(), IFF_UP);
  if (const int error = rtnl_link_change(socket, made.get(), on.get(), 0); error < 0)
    return fail_nl(error, "cannot switch on {}", name);
  return link(name);
}

Result<void> LibnlNetlink::remove_link(int index) {
  const LinkObject object(rtnl_link_alloc());
  if (!object) return fail(Errc::System, "out of memory");
  rtnl_link_set_ifindex(object.get(), index);
  const int error = rtnl_link_delete(impl_->requests.get(), object.get());
  if (error < 0 && error != -NLE_NODEV && error != -NLE_OBJ_NOTFOUND)
    return fail_nl(error, "cannot remove interface {}", index);
  return {};
}

void LibnlNetlink::on_change(std::function<void(int index)> callback) {
  impl_->callback = std::move(callback);
}

}  // namespace hapair::vrrp
