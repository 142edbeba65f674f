// The only file that includes netlink/*. libnl's objects are held by unique_ptr from the moment
// they exist; its callbacks never let an exception through.
#include "vrrp/net/libnl_netlink.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>

#include <algorithm>
#include <cstring>

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

AddressObject make_address(int index, const Cidr& address) {
  AddressObject object(rtnl_addr_alloc());
  if (!object) return nullptr;
  const RawAddress local(nl_addr_build(AF_INET, address.address.data(), address.address.size()));
  if (!local) return nullptr;
  nl_addr_set_prefixlen(local.get(), address.prefix);
  rtnl_addr_set_ifindex(object.get(), index);
  // Without scope and broadcast of its own, as `ip addr add 192.168.50.10/32` leaves it.
  if (rtnl_addr_set_local(object.get(), local.get()) < 0) return nullptr;
  return object;
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
  explicit Impl(Loop& owner) : loop(owner) {}
  ~Impl() {
    if (events) loop.forget(nl_socket_get_fd(events.get()), *this);
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

  Loop& loop;
  Socket requests;
  Socket events;
  std::vector<int> changed;
  std::function<void(int)> callback;
};

LibnlNetlink::LibnlNetlink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LibnlNetlink::~LibnlNetlink() = default;

Result<std::unique_ptr<LibnlNetlink>> LibnlNetlink::open(Loop& loop) {
  auto impl = std::make_unique<Impl>(loop);
  auto requests = connect();
  if (!requests) return tl::make_unexpected(requests.error());
  impl->requests = *std::move(requests);

  auto events = connect();
  if (!events) return tl::make_unexpected(events.error());
  nl_socket_disable_seq_check(events->get());
  if (const int error = nl_socket_set_nonblocking(events->get()); error < 0)
    return fail_nl(error, "cannot set up the netlink socket");
  nl_socket_modify_cb(
      events->get(), NL_CB_VALID, NL_CB_CUSTOM,
      [](nl_msg* message, void* self) noexcept -> int {
        static_cast<Impl*>(self)->on_message(*nlmsg_hdr(message));
        return NL_OK;
      },
      impl.get());
  if (const int error =
          nl_socket_add_memberships(events->get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, 0);
      error < 0)
    return fail_nl(error, "cannot listen to the kernel's link events");
  impl->events = *std::move(events);
  loop.watch(nl_socket_get_fd(impl->events.get()), *impl);
  return std::unique_ptr<LibnlNetlink>(new LibnlNetlink(std::move(impl)));
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

Result<std::vector<Cidr>> LibnlNetlink::addresses(int index) {
  nl_cache* raw = nullptr;
  if (const int error = rtnl_addr_alloc_cache(impl_->requests.get(), &raw); error < 0)
    return fail_nl(error, "cannot list the addresses");
  const Cache cache(raw);
  std::vector<Cidr> primary, secondary;
  for (nl_object* at = nl_cache_get_first(raw); at; at = nl_cache_get_next(at)) {
    auto* address = reinterpret_cast<rtnl_addr*>(at);  // how libnl means it: a cache of addresses
    nl_addr* local = rtnl_addr_get_local(address);
    if (rtnl_addr_get_ifindex(address) != index || !local || nl_addr_get_family(local) != AF_INET)
      continue;
    std::uint32_t bytes = 0;
    std::memcpy(&bytes, nl_addr_get_binary_addr(local), sizeof bytes);
    const bool is_secondary = rtnl_addr_get_flags(address) & IFA_F_SECONDARY;
    (is_secondary ? secondary : primary)
        .push_back({IpAddress::v4(__builtin_bswap32(bytes)), rtnl_addr_get_prefixlen(address)});
  }
  primary.insert(primary.end(), secondary.begin(), secondary.end());
  return primary;
}

Result<void> LibnlNetlink::add_address(int index, const Cidr& address) {
  const AddressObject object = make_address(index, address);
  if (!object) return fail(Errc::System, "out of memory");
  const int error = rtnl_addr_add(impl_->requests.get(), object.get(), 0);
  if (error < 0 && error != -NLE_EXIST) return fail_nl(error, "cannot add {}", address.to_string());
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

void LibnlNetlink::on_change(std::function<void(int index)> callback) {
  impl_->callback = std::move(callback);
}

}  // namespace hapair::vrrp
