// What an instance brings with it: `virtual_addresses`, `excluded_addresses` and `virtual_routes`.
#include <linux/rtnetlink.h>

#include <algorithm>

#include "vrrp/config/readers.h"

namespace hapair::vrrp {
namespace {

// What a packet of 1500 bytes holds beside its headers and a signature.
constexpr std::size_t kMostV4 = 255;
constexpr std::size_t kMostV6 = (1500 - 40 - 8 - 28) / 16;

constexpr std::pair<std::string_view, int> kScopes[] = {
    {"global", RT_SCOPE_UNIVERSE}, {"site", RT_SCOPE_SITE}, {"link", RT_SCOPE_LINK},
    {"host", RT_SCOPE_HOST}};

bool is_link_local(const IpAddress& address) {
  return address.is_v6() && address.data()[0] == 0xFE && (address.data()[1] & 0xC0) == 0x80;
}

class AddressReader {
 public:
  AddressReader(TableReader& table, Surroundings& surroundings, Instance& instance)
      : table_(table), surroundings_(surroundings), instance_(instance) {}

  void read(std::string_view key, bool advertised) {
    const ConfigNode* list = table_.raw(key);
    if (!list) return;
    if (list->kind != ConfigNode::Kind::Array) return read_item(*list, advertised);
    for (const ConfigNode& item : list->array) read_item(item, advertised);
  }

 private:
  void read_item(const ConfigNode& item, bool advertised) {
    VirtualAddress address{.address = {}, .advertised = advertised};
    if (item.kind == ConfigNode::Kind::String) {
      if (take(item.string, item.where, address)) instance_.virtual_addresses.push_back(address);
      return;
    }
    if (item.kind != ConfigNode::Kind::Table) {
      table_.error_at(item.where,
                      fmt::format("a virtual address is a string or a table, not {}", item.kind_name()),
                      "\"192.168.50.10\" or { address = \"192.168.50.10\", interface = \"eth2\" }");
      return;
    }
    TableReader table(item, table_.path() + ".virtual_addresses", table_.diagnostics());
    const auto text = table.string("address");
    if (!table.has("address"))
      table.error_at(item.where, "a virtual address without its address", "address = \"192.168.50.10\"");
    const bool good = text && take(*text, table.where("address"), address);
    if (auto interface = table.string("interface")) {
      if (interface->size() > 15 || !is_interface_name(*interface))
        table.error("interface", fmt::format("\"{}\" cannot be an interface", *interface));
      address.interface = *interface;
    }
    if (auto label = table.string("label")) {
      if (label->empty() || label->size() > 15)  // IFNAMSIZ - 1
        table.error("label", "a label has 1 to 15 bytes", "\"eth1:web\"");
      else if (good && address.address.address.is_v6())
        table.error("label", "IPv6 addresses have no labels");
      address.label = *label;
    }
    if (auto scope = table.word<int>("scope", kScopes)) address.scope = *scope;
    if (auto excluded = table.boolean("excluded")) address.advertised = advertised && !*excluded;
    table.finish();
    if (good) instance_.virtual_addresses.push_back(address);
  }

  bool take(std::string_view text, const SourceLocation& where, VirtualAddress& out) {
    const auto cidr = Cidr::parse(text);
    if (!cidr) {
      table_.error_at(where, cidr.error().message);
    } else if (!is_unicast(cidr->address)) {
      table_.error_at(where,
                      fmt::format("{} cannot be a virtual address", cidr->address.to_string()));
    } else if (cidr->prefix == 0) {
      table_.error_at(where, fmt::format("{} has no network: prefix 0", text),
                      cidr->address.is_v4() ? "/32, or the prefix of the link's network"
                                            : "/128, or the prefix of the link's network");
    } else if (std::ranges::find(surroundings_.nodes, cidr->address) != surroundings_.nodes.end()) {
      table_.error_at(where, fmt::format("{} is a node's own address", text),
                      "a virtual address belongs to no node");
    } else if (!surroundings_.virtual_addresses.insert(cidr->address).second &&
               !is_link_local(cidr->address)) {
      table_.error_at(where, fmt::format("{} is listed twice", cidr->address.to_string()));
    } else {
      out.address = *cidr;
      return true;
    }
    return false;
  }

  TableReader& table_;
  Surroundings& surroundings_;
  Instance& instance_;
};

void judge_advertised(TableReader& table, const Instance& instance) {
  std::size_t v4 = 0, v6 = 0;
  const VirtualAddress* first_v6 = nullptr;
  for (const VirtualAddress& address : instance.virtual_addresses) {
    if (!address.advertised) continue;
    ++(address.address.address.is_v6() ? v6 : v4);
    if (address.address.address.is_v6() && !first_v6) first_v6 = &address;
  }
  if (v6 > 0 && instance.version == 2)
    table.error("virtual_addresses", "version 2 carries IPv4 addresses alone",
                "version = 3, or the IPv6 addresses in excluded_addresses");
  if (v4 > kMostV4)
    table.error("virtual_addresses", fmt::format("an advert holds at most {} addresses", kMostV4),
                "the others in excluded_addresses");
  if (v6 > kMostV6)
    table.error("virtual_addresses",
                fmt::format("an advert holds at most {} IPv6 addresses", kMostV6),
                "the others in excluded_addresses");
  if (instance.version == 3 && first_v6 && !is_link_local(first_v6->address.address))
    table.warning("virtual_addresses",
                  "the first IPv6 address of an advert should be link-local (RFC 9568 5.2.9)",
                  "a virtual fe80:: address first: other makers' routers may refuse without");
}

}  // namespace

void read_virtual_addresses(TableReader& table, Surroundings& surroundings, Instance& instance) {
  if (!table.has("virtual_addresses")) {
    table.error_at(table.where(), "instance has no virtual_addresses",
                   "virtual_addresses = [\"192.168.50.10\"]");
    table.raw("excluded_addresses");
    return;
  }
  AddressReader reader(table, surroundings, instance);
  reader.read("virtual_addresses", true);
  reader.read("excluded_addresses", false);
  const ConfigNode& list = *table.raw("virtual_addresses");
  if (list.kind == ConfigNode::Kind::Array && list.array.empty())
    table.error("virtual_addresses", "an instance needs at least one virtual address");
  else if (!instance.virtual_addresses.empty() && !instance.has(false) && !instance.has(true))
    table.error("virtual_addresses", "an instance needs at least one address that is not excluded");
  judge_advertised(table, instance);
}

namespace {

void read_route(TableReader& table, Instance& instance) {
  VirtualRoute route;
  bool good = true;
  const auto parse_to = [](std::string_view text) -> Result<Cidr> {
    if (text == "default") return Cidr{IpAddress(), 0};
    return Cidr::parse(text);
  };
  const auto to = table.parsed<Cidr>("to", parse_to);
  if (!table.has("to"))
    table.error_at(table.where(), "a route without where it leads", "to = \"default\"");
  route.via = table.parsed<IpAddress>("via", IpAddress::parse);
  route.source = table.parsed<IpAddress>("source", IpAddress::parse);
  if (auto interface = table.string("interface")) {
    if (interface->size() > 15 || !is_interface_name(*interface))
      table.error("interface", fmt::format("\"{}\" cannot be an interface", *interface));
    route.interface = *interface;
  }
  if (auto metric = table.integer("metric", 0, 0xFFFFFFFF))
    route.metric = static_cast<std::uint32_t>(*metric);
  if (auto number = table.integer("table", 1, 0xFFFFFFFF))
    route.table = static_cast<std::uint32_t>(*number);
  table.finish();
  if (!to) return;
  route.to = *to;
  // "default" is of the family of what it leads over.
  const bool is_default = route.to.prefix == 0;
  if (is_default && route.via && route.via->is_v6()) route.to = {*IpAddress::parse("::"), 0};
  for (const auto& [key, address] : {std::pair("via", route.via), std::pair("source", route.source)})
    if (address && address->is_v6() != route.to.address.is_v6()) {
      table.error(key, fmt::format("{} is of another family than the route", address->to_string()));
      good = false;
    }
  if (good) instance.virtual_routes.push_back(route);
}

}  // namespace

void read_virtual_routes(TableReader& table, Instance& instance) {
  for (TableReader& route : table.tables("virtual_routes")) read_route(route, instance);
}

}  // namespace hapair::vrrp
