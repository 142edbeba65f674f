#include "vrrp/runtime/virtual_mac.h"

#include <dirent.h>

#include <fstream>

namespace hapair::vrrp {
namespace {

constexpr std::string_view kIpv4 = "/proc/sys/net/ipv4/conf/";

std::string setting(std::string_view interface, std::string_view name) {
  return fmt::format("{}{}/{}", kIpv4, interface, name);
}

std::string read(const std::string& path) {
  std::string value;
  std::ifstream(path) >> value;
  return value;
}

std::vector<std::string> interfaces() {
  std::vector<std::string> names;
  DIR* const folder = ::opendir(std::string(kIpv4).c_str());
  if (!folder) return names;
  while (const dirent* entry = ::readdir(folder))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(folder);
  return names;
}

}  // namespace

Result<std::unique_ptr<VirtualMac>> VirtualMac::make(Netlink& netlink, const Link& parent,
                                                     const std::string& name, bool v6,
                                                     int virtual_router_id) {
  const auto mac = virtual_mac(v6, static_cast<std::uint8_t>(virtual_router_id));
  auto link = netlink.make_macvlan(parent.index, name, mac);
  if (!link) return tl::make_unexpected(link.error());
  std::unique_ptr<VirtualMac> self(new VirtualMac(netlink, *std::move(link)));
  // The address is on the macvlan, and the parent is in the same network: without this the parent
  // would answer for it too, with its own hardware address.
  self->set(setting(parent.name, "arp_ignore"), "1");
  self->set(setting(parent.name, "arp_filter"), "1");
  // Who asks the macvlan is reached through the parent.
  const std::string everywhere = read(setting("all", "rp_filter"));
  if (!everywhere.empty() && everywhere != "0") {
    // The stricter of "all" and an interface's own counts: each gets what "all" gave it, but ours.
    for (const std::string& other : interfaces())
      if (other != "all" && other != "default" && other != self->link_.name &&
          read(setting(other, "rp_filter")) < everywhere)
        self->set(setting(other, "rp_filter"), everywhere);
    self->set(setting("all", "rp_filter"), "0");
  }
  const std::size_t of_others = self->before_.size();
  self->set(setting(self->link_.name, "rp_filter"), "0");
  self->set(setting(self->link_.name, "arp_ignore"), "1");
  self->set(setting(self->link_.name, "accept_local"), "1");
  self->set(setting(self->link_.name, "promote_secondaries"), "1");
  // Those go with the interface.
  self->before_.erase(self->before_.begin(),
                      self->before_.begin() +
                          static_cast<std::ptrdiff_t>(self->before_.size() - of_others));
  return self;
}

void VirtualMac::set(const std::string& path, const std::string& value) {
  const std::string before = read(path);
  if (before.empty()) return;
  if (before == value) return;
  std::ofstream(path) << value << std::flush;
  before_.insert(before_.begin(), {path, before});
}

Testament VirtualMac::testament() const {
  return {.links = {link_.index}, .settings = before_};
}

VirtualMac::~VirtualMac() {
  if (left_) return;
  for (const Testament::Setting& setting : before_)
    std::ofstream(setting.path) << setting.value << std::flush;
  (void)netlink_.remove_link(link_.index);
}

}  // namespace hapair::vrrp
