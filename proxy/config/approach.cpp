// Reads what backends and servers say of the way to a server: `source` and `send_proxy`.
#include "proxy/config/approach.h"

#include <algorithm>

#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::string_view kSourceHint =
    "source = \"10.0.0.1\" or { address = \"10.0.0.1\", ports = \"10000-20000\", interface = \"eth1\" }";

/// A section's table takes the place of the one in [defaults], as a server's does of its backend's.
ConfigNode whole(ConfigNode table) {
  const auto inherited = [](const ConfigNode::Entry& entry) { return entry.inherited; };
  if (!std::all_of(table.table.begin(), table.table.end(), inherited))
    std::erase_if(table.table, inherited);
  return table;
}

void read_source_address(const ConfigNode& node, TableReader& table, Approach& out) {
  const auto address = IpAddress::parse(node.string);
  if (!address)
    table.error_at(node.where, address.error().message);
  else if (address->is_any())
    table.error_at(node.where, "every address is no address to come from",
                   "name one of this host's addresses, or leave source out");
  else
    out.source = *address;
}

void read_source_ports(TableReader& table, Approach& out) {
  const auto text = table.string("ports");
  if (!text) return;
  const auto dash = text->find('-');
  const auto first = parse_number<std::uint16_t>(std::string_view(*text).substr(0, dash));
  const auto last = dash == text->npos
                        ? first
                        : parse_number<std::uint16_t>(std::string_view(*text).substr(dash + 1));
  if (!first || !last || *first == 0 || *last < *first)
    return table.error("ports", fmt::format("\"{}\" is no range of ports", *text),
                       "as \"10000-20000\"");
  out.first_port = *first;
  out.last_port = *last;
}

}  // namespace

void read_source(TableReader& section, Approach& out) {
  const ConfigNode* node = section.raw("source");
  if (!node) return;
  out.source.reset();
  out.first_port = out.last_port = 0;
  out.interface.clear();
  if (node->kind == ConfigNode::Kind::String) return read_source_address(*node, section, out);
  if (node->kind != ConfigNode::Kind::Table)
    return section.error("source",
                         fmt::format("source must be an address or a table, not {}",
                                     node->kind_name()),
                         std::string(kSourceHint));
  const ConfigNode own = whole(*node);
  TableReader table(own, section.path() + ".source", section.diagnostics());
  if (table.string("address")) read_source_address(*table.raw("address"), table, out);
  read_source_ports(table, out);
  if (const auto name = table.string("interface")) {
    if (is_interface_name(*name))
      out.interface = *name;
    else
      table.error("interface", fmt::format("\"{}\" cannot be the name of an interface", *name),
                  "as \"eth1\"");
  }
  if (node->table.empty())
    section.error("source", "the table says nothing", std::string(kSourceHint));
  if (out.first_port != 0 && !table.has("address"))
    table.error("ports", "ports need the address they belong to", "address = \"10.0.0.1\"");
  table.finish();
}

void read_send_proxy(TableReader& section, std::optional<SendProxy>& out) {
  static constexpr std::pair<std::string_view, SendProxy::Version> kVersions[] = {
      {"v1", SendProxy::Version::V1}, {"v2", SendProxy::Version::V2}};
  const ConfigNode* node = section.raw("send_proxy");
  if (!node) return;
  out.reset();
  if (node->kind == ConfigNode::Kind::Boolean && !node->boolean) return;
  if (node->kind == ConfigNode::Kind::String) {
    if (const auto version = section.word<SendProxy::Version>("send_proxy", kVersions))
      out = SendProxy{.version = *version};
    return;
  }
  if (node->kind != ConfigNode::Kind::Table)
    return section.error("send_proxy",
                         fmt::format("send_proxy must name a version, not {}", node->kind_name()),
                         "\"v1\" or \"v2\"");
  const ConfigNode own = whole(*node);
  TableReader table(own, section.path() + ".send_proxy", section.diagnostics());
  SendProxy read;
  if (const auto version = table.word<SendProxy::Version>("version", kVersions))
    read.version = *version;
  else if (!table.has("version"))
    table.error_at(table.where(), "send_proxy needs a version", "version = \"v2\"");
  if (const auto crc = table.boolean("crc32c")) {
    read.crc32c = *crc;
    if (*crc && read.version != SendProxy::Version::V2)
      table.error("crc32c", "version 1 has no room for a checksum", "version = \"v2\"");
  }
  refuse_not_built(table, std::array<std::string_view, 3>{"authority", "unique_id", "ssl"});
  table.finish();
  out = read;
}

}  // namespace hapair::proxy
