// Reads the keys of [backend.NAME].
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

// By either name, where HAProxy's is another.
constexpr std::array<std::string_view, 18> kNotBuiltBackend = {
    "abort_on_close", "abortonclose", "cache",           "compression", "email_alert", "http2",
    "http_reuse",     "max_reuse",    "persist",         "request",     "resolvers",   "response",
    "reuse",          "rules",        "server_template", "stick",       "stick_table", "tls"};

constexpr std::array<ForeignWord, 2> kForeignBackend = {
    {{"default_server", "a backend's check, slow_start, source … are for all its servers"},
     {"httpchk", "check = { request = \"GET /health\" }"}}};

}  // namespace

void read_backend_keys(TableReader& section, Backend& out) {
  if (const auto mode = read_mode(section)) out.mode = *mode;
  read_balance(section, out.mode, out.balance);
  if (const auto connection = read_connection(section)) out.connection = *connection;
  out.forwarded_for = read_forwarded_for(section);
  out.stats = read_stats(section);
  out.cookie = read_cookie(section);
  if (out.mode == Mode::Tcp) out.cookie.reset();
  out.error_files = read_error_files(section);
  read_timeouts(section, out.timeout);
  read_retry(section, out.retry);
  if (const auto all = section.boolean("all_backups")) out.all_backups = *all;
  if (const auto full = section.integer("fullconn", 1, 100'000'000))
    out.full_conn = static_cast<unsigned>(*full);
  if (const auto most = section.integer("max_queue", 0, 100'000'000))
    out.max_queue = static_cast<unsigned>(*most);
  read_slow_start(section);
  read_source(section, out.approach);
  read_send_proxy(section, out.send_proxy);
  read_check(section);
  Server of_servers;
  read_observe(section, out.mode, of_servers.observe);
  read_marks(section, of_servers);
  refuse_http_keys(section, out.mode);
  refuse_not_built(section, kNotBuiltBackend);
  refuse_foreign(section, kForeignBackend);
  refuse_foreign_section_words(section);
}

}  // namespace hapair::proxy
