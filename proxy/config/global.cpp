// Reads [global].
#include "common/log_config.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<std::string_view, 10> kNotBuiltGlobal = {
    "cpu_map",           "log_send_hostname", "max_reuse",  "metrics", "maxconn_rate",
    "server_state_file", "spread_checks",     "state_file", "tls",     "tune"};

constexpr std::array<ForeignWord, 5> kForeignGlobal = {
    {{"nbthread", "workers = 4"},
     {"nbproc", "workers = 4"},
     {"daemon", "hapair-proxy -D"},
     {"stats", "[[global.control]] with bind = \"/run/hapair/control.sock\""},
     {"hard_stop_after", "drain_limit = \"60s\""}}};

void read_path(TableReader& table, std::string_view key, std::string& out) {
  const auto path = table.string(key);
  if (!path) return;
  if (path->starts_with('/') && path->find('\0') == path->npos)
    out = *path;
  else
    // A daemon in the background has no folder to be relative to.
    table.error(key, fmt::format("{} must be an absolute path", key), "begin with '/'");
}

void read_account(TableReader& table, std::string_view key, std::string& out) {
  const auto name = table.string(key);
  if (!name) return;
  if (!is_account_name(*name))
    table.error(key, fmt::format("\"{}\" cannot be a {}", *name, key),
                fmt::format("{} = \"hapair\"", key));
  else
    out = *name;
}

}  // namespace

void read_global(TableReader& table, const ConfigNode& root, Global& out) {
  if (const auto value = table.integer("maxconn", 0, 100'000'000))
    out.maxconn = static_cast<unsigned>(*value);
  if (const auto value = table.integer("workers", 0, 256))
    out.workers = static_cast<unsigned>(*value);
  read_path(table, "pidfile", out.pidfile);
  read_path(table, "chroot", out.identity.chroot);
  read_account(table, "user", out.identity.user);
  read_account(table, "group", out.identity.group);
  out.log = read_log_targets(table);
  out.control = read_control_sockets(table, out.identity.group);
  out.health = read_health_socket(table, root);
  if (const auto tag = table.string("log_tag")) {
    if (tag->empty() || tag->size() > 64 || has_control_byte(*tag) ||
        tag->find_first_of(" []:") != tag->npos)
      table.error("log_tag", "a syslog tag is one word without brackets or colons",
                  "log_tag = \"hapair-proxy\"");
    else
      out.log_tag = *tag;
  }
  if (const auto value = table.duration("drain_limit")) out.drain_limit = *value;
  if (const auto value = table.boolean("strict_limits")) out.strict_limits = *value;
  refuse_not_built(table, kNotBuiltGlobal);
  refuse_foreign(table, kForeignGlobal);
  table.finish();
}

}  // namespace hapair::proxy
