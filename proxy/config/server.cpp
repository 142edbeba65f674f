// Reads [[backend.NAME.server]].
#include <set>

#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<std::string_view, 15> kNotBuiltServer = {
    "accept_proxy", "alpn",    "ca_file",   "http2", "id",  "init_addr", "max_reuse", "pool",
    "proto",        "resolve", "resolvers", "sni",   "ssl", "tls",       "verify"};

constexpr std::array<ForeignWord, 7> kForeignServer = {
    {{"inter", "check = { interval = \"2s\" }"},
     {"fastinter", "check = { fast_interval = \"500ms\" }"},
     {"downinter", "check = { down_interval = \"10s\" }"},
     {"rise", "check = { rise = 2 }"},
     {"fall", "check = { fall = 3 }"},
     {"port", "check = { port = 8080 }; the server's own is part of its address"},
     {"check_ssl", "check = { tls = true }"}}};

void read_address(TableReader& table, Server& out) {
  const auto text = table.string("address");
  if (!text) {
    if (!table.has("address"))
      table.error_at(table.where(), "a server needs an address", "address = \"192.168.50.21:80\"");
    return;
  }
  if (text->starts_with("unix:")) {
    const auto socket = UnixAddress::parse(*text);
    if (socket)
      out.approach.unix_socket = *socket;
    else
      table.error("address", socket.error().message, "as \"unix:/run/web1.sock\"");
    return;
  }
  if (text->starts_with('/'))
    return table.error("address", fmt::format("'{}' is no address", *text),
                       fmt::format("did you mean \"unix:{}\"?", *text));
  const auto address = SocketAddress::parse(*text);
  if (!address)
    table.error("address", address.error().message, "as \"192.168.50.21:80\"");
  else if (address->ip.is_any())
    table.error("address", fmt::format("\"{}\" is no place one can connect to", *text),
                "the server's own address");
  else
    out.address = *address;
}

/// Both ends of a connection are of one family. What a backend says of its servers' sources is not
/// meant for those at Unix sockets.
void judge_source(TableReader& table, Server& server) {
  Approach& approach = server.approach;
  if (approach.unix_socket) {
    if (table.has("source"))
      table.error("source", "a Unix socket is reached from no address", "leave source out");
    approach = {.unix_socket = approach.unix_socket};
  } else if (approach.source && server.address.port != 0 &&
             approach.source->is_v4() != server.address.ip.is_v4()) {
    table.error("address",
                fmt::format("{} cannot be reached from source {}", server.address.to_string(),
                            approach.source->to_string()),
                "both must be IPv4 or both IPv6");
  }
}

/// How much it may have, and when it is used at all.
void read_load(TableReader& table, Server& out) {
  constexpr std::int64_t kMost = 100'000'000;
  if (const auto weight = table.integer("weight", 0, 256))
    out.weight = static_cast<unsigned>(*weight);
  if (const auto maxconn = table.integer("maxconn", 0, kMost))
    out.maxconn = static_cast<unsigned>(*maxconn);
  if (const auto minconn = table.integer("minconn", 0, kMost))
    out.minconn = static_cast<unsigned>(*minconn);
  if (const auto most = table.integer("max_queue", 0, kMost))
    out.max_queue = static_cast<unsigned>(*most);
  if (const auto backup = table.boolean("backup")) out.backup = *backup;
  if (const auto disabled = table.boolean("disabled")) out.disabled = *disabled;
  if (auto slow = read_slow_start(table)) out.slow_start = *slow;
  if (out.minconn > 0 && out.maxconn == 0)
    table.error("minconn", "minconn without maxconn has no end to grow to", "add maxconn");
  else if (out.minconn > out.maxconn)
    table.error("minconn", fmt::format("minconn {} is above maxconn {}", out.minconn, out.maxconn),
                "minconn is the limit while there is little to do, maxconn the one for full load");
  if (out.max_queue > 0 && out.maxconn == 0)
    table.warning("max_queue", "nobody waits for a server without maxconn", "add maxconn");
}

/// The server's own say lies over what its backend decided.
void read_server_check(TableReader& table, const ConfigNode* of_backend, Server& out) {
  const ConfigNode* own = table.raw("check");
  const bool backend_has_table = of_backend && of_backend->kind == ConfigNode::Kind::Table;
  if (own && own->kind == ConfigNode::Kind::Table && backend_has_table) {
    out.check =
        read_check_table(inherit(*of_backend, *own), table.path() + ".check", table.diagnostics());
    return;
  }
  auto check = read_check(table);  // also reports a wrong one
  const bool says_true = own && own->kind == ConfigNode::Kind::Boolean && own->boolean;
  if (!own || (says_true && backend_has_table)) return;  // the backend's stays
  out.check = std::move(check);
}

/// A certificate is for a name or an address, and a Unix socket has neither.
void judge_check_tls(TableReader& table, const Server& server) {
  if (!server.check || !server.check->tls || !server.approach.unix_socket) return;
  const CheckTls& tls = *server.check->tls;
  if (tls.server_name.empty() && tls.trust->looks_at_certificates() && !server.check->address)
    table.error("address", "a Unix socket has no address that a certificate could be for",
                "check = { tls = { server_name = \"app.example.org\" } }");
}

}  // namespace

void read_marks(TableReader& section, Server& out) {
  static constexpr std::pair<std::string_view, bool> kDown[] = {{"none", false},
                                                                {"shutdown-sessions", true}};
  static constexpr std::pair<std::string_view, bool> kUp[] = {{"none", false},
                                                              {"shutdown-backup-sessions", true}};
  if (const auto ends = section.word<bool>("on_marked_down", kDown))
    out.ends_sessions_when_down = *ends;
  if (const auto ends = section.word<bool>("on_marked_up", kUp))
    out.ends_backup_sessions_when_up = *ends;
}

void read_servers(TableReader& section, Backend& out) {
  // Read again without a word: read_backend_keys has reported its mistakes.
  Diagnostics heard;
  TableReader again(section.node(), section.path(), heard);
  Server usual;  // what the backend says for all of them
  usual.check = read_check(again);
  read_observe(again, out.mode, usual.observe);
  read_marks(again, usual);
  usual.slow_start = read_slow_start(again).value_or(SlowStart{});
  usual.approach = out.approach;
  usual.send_proxy = out.send_proxy;
  const ConfigNode* check_node = section.raw("check");

  std::set<std::string> names;
  for (TableReader& table : section.tables("server")) {
    Server server = usual;
    if (const auto name = table.string("name")) {
      check_name(*name, "server", table.where("name"), table.diagnostics());
      if (!names.insert(*name).second)
        table.error("name",
                    fmt::format("there are two servers \"{}\" in {}", *name, section.path()),
                    "every server of a backend needs its own name");
      server.name = *name;
    } else if (!table.has("name")) {
      table.error_at(table.where(), "a server needs a name", "name = \"web1\"");
    }
    read_address(table, server);
    read_source(table, server.approach);
    read_send_proxy(table, server.send_proxy);
    judge_source(table, server);
    read_load(table, server);
    read_server_cookie(table, out.cookie, server);
    warn_of_equal_made_cookie(table, out, server);
    read_server_check(table, check_node, server);
    judge_check_tls(table, server);
    read_agent(table, server);
    read_track(table, out, server);
    read_observe(table, out.mode, server.observe);
    judge_observe(table, server);
    read_marks(table, server);
    if (server.backup && table.has("on_marked_up"))
      table.error("on_marked_up", "it is for those that a backup stands in for",
                  "leave it out here");
    refuse_not_built(table, kNotBuiltServer);
    refuse_foreign(table, kForeignServer);
    table.finish();
    out.servers.push_back(std::move(server));
  }
  warn_of_cookie_without_servers(section, out);
  warn_of_idle_observation(section, out);
}

}  // namespace hapair::proxy
