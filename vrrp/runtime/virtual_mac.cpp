#include "vrrp/runtime/virtual_mac.h"

#include <dirent.h>

#include <string>
#include <vector>

namespace hapair::vrrp {
namespace {

std::vector<std::string> interfaces() {
  std::vector<std::string> names;
  DIR* const folder = ::opendir("/proc/sys/net/ipv4/conf");
  if (!folder) return names;
  while (const dirent* entry = ::readdir(folder))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(folder);
  return names;
}

}  // namespace

std::string virtual_mac_name(const Instance& instance) {
  if (!instance.virtual_mac_name.empty()) return instance.virtual_mac_name;
  return fmt::format("vrrp{}.{}", instance.has(false) ? "" : "6", instance.virtual_router_id);
}

Result<std::unique_ptr<VirtualMac>> VirtualMac::make(Netlink& netlink, const Link& parent,
                                                     const std::string& name, bool v6,
                                                     int virtual_router_id) {
  const auto mac = virtual_mac(v6, static_cast<std::uint8_t>(virtual_router_id));
  auto link = netlink.make_macvlan(parent.index, name, mac);
  if (!link) return tl::make_unexpected(link.error());
  std::unique_ptr<VirtualMac> self(new VirtualMac(netlink, *std::move(link)));
  KernelSettings& others = self->settings_;
  const auto ipv4 = &KernelSettings::ipv4;
  // The address is on the macvlan, and the parent is in the same network: without this the parent
  // would answer for it too, with its own hardware address.
  others.set(ipv4(parent.name, "arp_ignore"), "1");
  others.set(ipv4(parent.name, "arp_filter"), "1");
  // Who asks the macvlan is reached through the parent.
  const std::string everywhere = KernelSettings::read(ipv4("all", "rp_filter"));
  if (!everywhere.empty() && everywhere != "0") {
    // The stricter of "all" and an interface's own counts: each gets what "all" gave it, but ours.
    for (const std::string& other : interfaces())
      if (other != "all" && other != "default" && other != name &&
          KernelSettings::read(ipv4(other, "rp_filter")) < everywhere)
        others.set(ipv4(other, "rp_filter"), everywhere);
    others.set(ipv4("all", "rp_filter"), "0");
  }
  KernelSettings& own = self->own_settings_;
  own.set(ipv4(name, "rp_filter"), "0");
  own.set(ipv4(name, "arp_ignore"), "1");
  own.set(ipv4(name, "accept_local"), "1");
  own.set(ipv4(name, "promote_secondaries"), "1");
  return self;
}

Testament VirtualMac::testament() const {
  return {.links = {link_.index}, .settings = settings_.before()};
}

VirtualMac::~VirtualMac() {
  own_settings_.leave();
  (void)netlink_.remove_link(link_.index);
}

}  // namespace hapair::vrrp
