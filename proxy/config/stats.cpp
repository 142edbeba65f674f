// Reads `stats = { … }`.
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<std::string_view, 8> kNotBuiltStats = {
    "admin", "hide_version", "node", "refresh", "scope", "show_desc", "show_legends", "show_node"};

void read_users(TableReader& table, Stats& out) {
  const ConfigNode* list = table.raw("auth");
  if (!list) return;
  const bool is_array = list->kind == ConfigNode::Kind::Array;
  if (!is_array && list->kind != ConfigNode::Kind::String) {
    table.strings("auth");  // reports the wrong kind
    return;
  }
  if (is_array && list->array.empty()) {
    table.error("auth", "nobody could log in with an empty list", "auth = [\"user:password\"]");
    return;
  }
  const auto read = [&table, &out](const ConfigNode& item) {
    const auto colon = item.string.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == item.string.size() ||
        has_control_byte(item.string)) {
      table.error_at(item.where, "a login is a name, a colon and a password",
                     "as \"user:password\"");
      return;
    }
    out.users.push_back({item.string.substr(0, colon), item.string.substr(colon + 1)});
  };
  if (!is_array) {
    read(*list);
    return;
  }
  table.strings("auth");  // reports items that are no strings
  for (const ConfigNode& item : list->array)
    if (item.kind == ConfigNode::Kind::String) read(item);
}

}  // namespace

std::optional<Stats> read_stats(TableReader& section) {
  auto table = section.table("stats");
  if (!table) return std::nullopt;
  Stats stats;
  if (const auto uri = table->string("uri")) {
    // What a request target can hold: it would never match otherwise.
    if (!uri->starts_with('/') || uri->find(' ') != uri->npos || has_control_byte(*uri))
      table->error("uri", fmt::format("\"{}\" is not the beginning of a path", *uri),
                   "as \"/haproxy?stats\"");
    else
      stats.uri = *uri;
  } else if (!table->has("uri")) {
    table->error_at(table->where(), "the statistics need a uri", "uri = \"/haproxy?stats\"");
  }
  if (const auto realm = table->string("realm")) {
    if (has_control_byte(*realm) || realm->find_first_of("\"\\") != realm->npos)
      table->error("realm", "a realm cannot hold quotes, backslashes or control bytes");
    else
      stats.realm = *realm;
  }
  read_users(*table, stats);
  if (!table->has("auth"))
    section.warning("stats", "the statistics page is open to everybody who reaches the frontend",
                    "auth = [\"user:password\"]");
  refuse_not_built(*table, kNotBuiltStats);
  table->finish();
  return stats;
}

}  // namespace hapair::proxy
