#include "vrrp/core/accept_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hapair::vrrp {
namespace {

bool is_link_local(const IpAddress& address) {
  return address.is_v6() && address.data()[0] == 0xFE && (address.data()[1] & 0xC0) == 0x80;
}

}  // namespace

std::string AcceptRules::install() const {
  std::vector<std::string> v4, v6, on_links;
  for (const AddressOrder& order : closed) {
    const IpAddress& address = order.address.address;
    // A link-local one may be somebody's on another link.
    if (is_link_local(address))
      on_links.push_back(fmt::format("{} . {}", order.index, address.to_string()));
    else
      (address.is_v6() ? v6 : v4).push_back(address.to_string());
  }
  // Naming it makes it, so that deleting it cannot fail.
  std::string out = fmt::format(
      "table inet {0} {{ flags owner; }}\n"
      "delete table inet {0}\n"
      "table inet {0} {{\n"
      "flags owner;\n"
      "chain closed {{\n"
      "type filter hook input priority 0; policy accept;\n"
      "icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept\n",
      table);
  const auto drop = [&out](std::string_view what, const std::vector<std::string>& elements) {
    if (!elements.empty()) out += fmt::format("{} {{ {} }} drop\n", what, fmt::join(elements, ", "));
  };
  drop("ip daddr", v4);
  drop("ip6 daddr", v6);
  drop("iif . ip6 daddr", on_links);
  return out + "}\n}\n";
}

}  // namespace hapair::vrrp
