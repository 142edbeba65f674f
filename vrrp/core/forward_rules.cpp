#include "vrrp/core/forward_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/text.h"

namespace hapair::vrrp {
namespace {

std::string text_of(const MacAddress& mac) { return fmt::format("{:02x}", fmt::join(mac, ":")); }

std::optional<MacAddress> parse_mac(std::string_view text) {
  const auto parts = split(text, ':');
  MacAddress mac{};
  if (parts.size() != mac.size()) return std::nullopt;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const auto [end, error] =
        std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), mac[i], 16);
    if (parts[i].size() != 2 || error != std::errc{} || end != parts[i].data() + 2)
      return std::nullopt;
  }
  return mac;
}

/// The rules of one family.
std::string table_of(const ForwardRules& rules, bool v6, const IpAddress& other) {
  const std::string_view ip = v6 ? "ip6" : "ip";
  const std::string type = v6 ? "ipv6_addr" : "ipv4_addr";
  const std::string key = fmt::format("{0} saddr . tcp sport . {0} daddr . tcp dport", ip);
  const std::string set_type = fmt::format("{0} . inet_service . {0} . inet_service", type);

  std::vector<std::string> addresses, own;
  for (const IpAddress& address : rules.addresses)
    if (address.is_v6() == v6) addresses.push_back(address.to_string());
  for (const Connection& connection : rules.own)
    if (connection.local.ip.is_v6() == v6)
      own.push_back(fmt::format("{} . {} . {} . {}", connection.client.ip.to_string(),
                                connection.client.port, connection.local.ip.to_string(),
                                connection.local.port));
  if (addresses.empty()) return {};
  std::vector<std::string> interfaces;
  for (const std::string& interface : rules.interfaces)
    interfaces.push_back(fmt::format("\"{}\"", interface));

  std::string out;
  const auto line = [&out](std::string_view text) { out.append(text).append("\n"); };
  line(fmt::format("table {} {} {{", ip, rules.table));
  line(fmt::format("set addresses {{ type {}; elements = {{ {} }} }}", type,
                   fmt::join(addresses, ", ")));
  // Both are bounded: a full set takes no more, and what it does not take is passed on.
  line(fmt::format("set own {{ type {}; size 1048576; flags dynamic,timeout; timeout 12h; {}}}",
                   set_type,
                   own.empty() ? std::string()
                               : fmt::format("elements = {{ {} }} ", fmt::join(own, ", "))));
  line(fmt::format("set ending {{ type {}; size 1048576; flags dynamic,timeout; timeout 1m; }}",
                   set_type));
  line("chain pass_on {");
  line("type filter hook prerouting priority -300; policy accept;");
  line(fmt::format("{} daddr != @addresses accept", ip));
  line("meta l4proto != tcp accept");
  line(fmt::format("iifname != {{ {} }} accept", fmt::join(interfaces, ", ")));
  // What the other node passes on to us is ours, or nobody's.
  line(fmt::format("ether saddr {} accept", text_of(rules.other.mac)));
  line(fmt::format("tcp flags & (syn|ack) == syn add @own {{ {} }} accept", key));
  line(fmt::format("{0} @ending update @ending {{ {0} }} accept", key));
  line(fmt::format("tcp flags & (fin|rst) != 0x0 {0} @own add @ending {{ {0} }} update @own {{ {0} "
                   "timeout 1m }} accept",
                   key));
  line(fmt::format("{0} @own update @own {{ {0} }} accept", key));
  line(fmt::format("counter dup to {} device \"{}\" drop", other.to_string(), rules.exit));
  line("}");
  line("}");
  return out;
}

}  // namespace

std::string LinkPlace::to_string() const {
  std::string out = text_of(mac);
  for (const auto& address : {v4, v6})
    if (address) out += " " + address->to_string();
  return out;
}

std::optional<LinkPlace> LinkPlace::parse(std::string_view text) {
  LinkPlace out;
  bool first = true;
  for (const std::string_view word : split(text, ' ')) {
    if (first) {
      const auto mac = parse_mac(word);
      if (!mac) return std::nullopt;
      out.mac = *mac;
      first = false;
      continue;
    }
    const auto address = IpAddress::parse(word);
    if (!address) return std::nullopt;
    (address->is_v6() ? out.v6 : out.v4) = *address;
  }
  return out;
}

std::string ForwardRules::install() const {
  std::string out = remove(table);
  if (other.v4) out += table_of(*this, false, *other.v4);
  if (other.v6) out += table_of(*this, true, *other.v6);
  return out;
}

std::string ForwardRules::remove(std::string_view table) {
  // Naming it makes it, so that deleting it cannot fail.
  std::string out;
  for (const std::string_view family : {"ip", "ip6"})
    out += fmt::format("table {0} {1}\ndelete table {0} {1}\n", family, table);
  return out;
}

}  // namespace hapair::vrrp
