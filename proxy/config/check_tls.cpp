// Reads `tls` of a check: whom it asks for, and whom it believes.
#include <algorithm>

#include "common/text.h"
#include "proxy/config/named_file.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

// Debian's own authorities; read like any other file, so that no chroot takes them away.
constexpr std::string_view kUsualAuthorities = "/etc/ssl/certs/ca-certificates.crt";

/// What may stand in the handshake: RFC 6066 section 3 wants no address and no last dot.
bool is_host_name(std::string_view name) {
  constexpr std::size_t longest = 253;
  return !name.empty() && name.size() <= longest && name.front() != '.' && name.back() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_' || c == '.';
         });
}

void read_server_name(TableReader& table, CheckTls& out) {
  const auto name = table.string("server_name");
  if (!name) return;
  if (IpAddress::parse(*name))
    return table.error("server_name", fmt::format("{} is an address: servers are asked for by name", *name),
                       "leave it out, and the certificate must be for the address that is asked");
  if (!is_host_name(*name))
    return table.error("server_name", fmt::format("\"{}\" is not the name of a host", *name),
                       "as \"app.example.org\"");
  out.server_name = *name;
}

std::shared_ptr<const tls::Trust> read_authorities(TableReader& table) {
  const auto named = table.string("ca_file");
  const ConfigNode::Entry* entry = table.node().find("ca_file");
  if (entry && !named) return nullptr;  // reported
  const SourceLocation where = table.where("ca_file");
  const std::string path = named ? beside(where.file, *named) : std::string(kUsualAuthorities);
  const std::string hint =
      named ? "an absolute path, or one beside this file"
            : "ca_file = \"ca.pem\" beside this file, or the package ca-certificates";
  const auto text = read_named_file(path);
  if (!text) {
    table.error_at(where, text.error().message, hint);
    return nullptr;
  }
  auto trust = tls::Trust::of(*text);
  if (!trust) {
    table.error_at(where, fmt::format("{}: {}", path, trust.error().message), "certificates of authorities, in PEM");
    return nullptr;
  }
  return *std::move(trust);
}

std::optional<CheckTls> read_table(TableReader& table) {
  CheckTls out;
  read_server_name(table, out);
  const bool verify = table.boolean("verify").value_or(true);
  if (verify) {
    out.trust = read_authorities(table);
  } else {
    const ConfigNode::Entry* authorities = table.node().find("ca_file");
    table.raw("ca_file");
    if (authorities && !authorities->inherited)
      table.error("ca_file", "nobody is verified: authorities are of no use", "leave out ca_file, or verify");
    out.trust = tls::Trust::everybody();
  }
  table.finish();
  if (!out.trust) return std::nullopt;
  return out;
}

}  // namespace

void read_check_tls(TableReader& check, Check& out) {
  const ConfigNode* node = check.raw("tls");
  if (!node) return;
  if (node->kind == ConfigNode::Kind::Boolean) {
    if (!node->boolean) return;
    ConfigNode plain;
    plain.where = node->where;
    TableReader table(plain, check.path() + ".tls", check.diagnostics());
    out.tls = read_table(table);
  } else if (node->kind == ConfigNode::Kind::Table) {
    auto table = check.table("tls");
    out.tls = read_table(*table);
  } else {
    check.error("tls", fmt::format("tls must be a table, not {}", node->kind_name()), "tls = true, or a table");
  }
}

}  // namespace hapair::proxy
