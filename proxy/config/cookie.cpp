// Reads `cookie`, a backend's and its servers'.
#include <algorithm>

#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

using CookieMode = CookiePersistence::Mode;

// They say how our own cookie is set: the application's keeps what the application says.
constexpr std::array<std::string_view, 10> kInsertOnly = {
    "indirect", "nocache", "postonly", "preserve", "httponly",
    "secure",   "domain",  "attr",     "max_idle", "max_life"};

void read_name(TableReader& table, CookiePersistence& out) {
  const auto name = table.string("name");
  if (!name) {
    if (!table.has("name"))
      table.error_at(table.where(), "a cookie needs a name", "name = \"SRVNAME\"");
    return;
  }
  if (!is_token(*name))
    table.error("name", fmt::format("\"{}\" cannot be the name of a cookie", *name),
                "letters, digits and the marks of RFC 6265, as \"SRVNAME\"");
  else
    out.name = *name;
}

void read_mode_of_cookie(TableReader& table, CookiePersistence& out) {
  static constexpr std::pair<std::string_view, CookieMode> kModes[] = {
      {"insert", CookieMode::Insert}, {"prefix", CookieMode::Prefix}, {"rewrite", CookieMode::Rewrite}};
  if (const auto mode = table.word<CookieMode>("mode", kModes))
    out.mode = *mode;
  else if (!table.has("mode"))
    table.error_at(table.where(), "a cookie needs a mode",
                   "mode = \"insert\", \"prefix\" or \"rewrite\"");
}

/// Strings that stand in the Set-Cookie field as they are.
std::vector<std::string> read_parts(TableReader& table, std::string_view key,
                                    std::string_view sample) {
  std::vector<std::string> parts = table.strings(key);
  for (const std::string& part : parts)
    if (part.empty() || has_control_byte(part) || part.find(';') != part.npos)
      table.error(key, fmt::format("\"{}\" cannot stand in a Set-Cookie field", part), std::string(sample));
  return parts;
}

void read_dynamic(TableReader& table, CookiePersistence& out) {
  const bool dynamic = table.boolean("dynamic").value_or(false);
  const auto key = table.string("key");
  if (dynamic && !table.has("key"))
    table.error("dynamic", "the values are made with a key, and there is none",
                "key = \"…\", the same on both nodes");
  else if (key && !dynamic)
    table.error("key", "a key is for values that are made", "dynamic = true");
  else if (key && key->empty())
    table.error("key", "the key is empty", "as long and as random as a password");
  else if (key)
    out.dynamic_key = *key;
}

void read_insert_options(TableReader& table, CookiePersistence& out) {
  const auto flag = [&](std::string_view key, bool& value) {
    if (const auto said = table.boolean(key)) value = *said;
  };
  flag("indirect", out.indirect);
  flag("nocache", out.nocache);
  flag("postonly", out.postonly);
  flag("preserve", out.preserve);
  flag("httponly", out.httponly);
  flag("secure", out.secure);
  out.domains = read_parts(table, "domain", "as \".example.com\"");
  out.attributes = read_parts(table, "attr", "as \"SameSite=Lax\"");
  constexpr Duration kShortest = std::chrono::seconds(1);
  if (const auto idle = table.duration("max_idle", kShortest, kLongest)) out.max_idle = *idle;
  if (const auto life = table.duration("max_life", kShortest, kLongest)) out.max_life = *life;

  std::size_t length = out.name.size();
  for (const auto* list : {&out.domains, &out.attributes})
    for (const std::string& part : *list) length += part.size() + std::string_view("; domain=").size();
  if (length > kLongestCookieText)
    table.error_at(table.where(),
                   fmt::format("name, domains and attributes take {} bytes", length),
                   fmt::format("{} together at most", kLongestCookieText));
}

bool is_false(const ConfigNode& node) {
  return node.kind == ConfigNode::Kind::Boolean && !node.boolean;
}

/// A backend may want another mode than [defaults]: what these say of the cookie we set is not
/// meant for it.
ConfigNode without_options_of_another_mode(ConfigNode table) {
  const ConfigNode::Entry* mode = table.find("mode");
  if (!mode || mode->value.string == "insert") return table;
  std::erase_if(table.table, [layer = mode->layer](const ConfigNode::Entry& entry) {
    return entry.layer < layer &&
           std::find(kInsertOnly.begin(), kInsertOnly.end(), entry.key) != kInsertOnly.end();
  });
  return table;
}

}  // namespace

std::optional<CookiePersistence> read_cookie(TableReader& section) {
  const ConfigNode* node = section.raw("cookie");
  if (!node || is_false(*node)) return std::nullopt;
  if (node->kind != ConfigNode::Kind::Table) {
    section.error("cookie",
                  fmt::format("cookie must be a table or false, not {}", node->kind_name()),
                  "cookie = { name = \"SRVNAME\", mode = \"insert\" }");
    return std::nullopt;
  }
  const ConfigNode whole = without_options_of_another_mode(*node);
  TableReader table(whole, section.path() + ".cookie", section.diagnostics());
  CookiePersistence out;
  read_name(table, out);
  read_mode_of_cookie(table, out);
  read_dynamic(table, out);
  read_insert_options(table, out);
  if (out.mode != CookieMode::Insert)
    for (const std::string_view key : kInsertOnly)
      if (const ConfigNode* value = table.raw(key); value && !is_false(*value))
        table.error(key,
                    fmt::format("{} needs mode \"insert\": it is about the cookie we set", key),
                    "the other modes change what the application sets, and nothing of it but the "
                    "value");
  table.finish();
  return out;
}

void read_server_cookie(TableReader& table, const std::optional<CookiePersistence>& of_backend,
                        Server& out) {
  const auto value = table.string("cookie");
  if (!value) return;
  if (value->empty() || value->size() > kLongestServerCookie ||
      !std::all_of(value->begin(), value->end(), is_cookie_octet)) {
    table.error("cookie", fmt::format("\"{}\" cannot be the value of a cookie", *value),
                fmt::format("1 to {} characters, without spaces, '\"', ',', ';' and '\\'",
                            kLongestServerCookie));
    return;
  }
  const auto refuse = [&](char mark, std::string_view meaning) {
    if (value->find(mark) != value->npos)
      table.error("cookie", fmt::format("'{}' in \"{}\" would be taken for the {}", mark, *value, meaning),
                  "another value, as \"S1\"");
  };
  if (!of_backend)
    table.warning("cookie", "it has no effect: the backend has no cookie",
                  "cookie = { name = \"SRVNAME\", mode = \"insert\" } in the backend");
  else if (of_backend->mode == CookieMode::Prefix)
    refuse(kCookieDelimiter, "mark between the server and the application's value");
  else if (of_backend->dated())
    refuse(kCookieDateDelimiter, "mark before the dates");
  out.cookie = *value;
}

void warn_of_equal_made_cookie(TableReader& table, const Backend& backend, const Server& server) {
  if (!backend.cookie || backend.cookie->dynamic_key.empty() || !server.cookie.empty()) return;
  const auto same =
      std::find_if(backend.servers.begin(), backend.servers.end(), [&](const Server& other) {
        return other.cookie.empty() && other.address == server.address &&
               other.approach.unix_socket == server.approach.unix_socket;
      });
  if (same == backend.servers.end()) return;
  table.warning(
      "address",
      fmt::format("servers \"{}\" and \"{}\" have one address, and so the same word in the cookie",
                  same->name, server.name),
      "cookie = \"S2\" tells them apart");
}

void warn_of_cookie_without_servers(TableReader& section, const Backend& backend) {
  if (!backend.cookie || !backend.cookie->dynamic_key.empty() || backend.servers.empty()) return;
  if (std::any_of(backend.servers.begin(), backend.servers.end(),
                  [](const Server& server) { return !server.cookie.empty(); }))
    return;
  section.warning("cookie", "no server has a cookie: nobody is kept on his server",
                  "cookie = \"S1\" at the first server, \"S2\" at the next");
}

}  // namespace hapair::proxy
