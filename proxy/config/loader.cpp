// From the configuration document to the proxy's Config: the sections, and what ties them.
#include "proxy/config/loader.h"

#include <algorithm>
#include <map>

#include "common/text.h"
#include "proxy/config/access_log.h"
#include "proxy/config/changes.h"
#include "proxy/config/full_load.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<std::string_view, 6> kNotBuiltSections = {"map",   "maps",     "peers",
                                                               "table", "userlist", "resolvers"};

class Loader {
 public:
  Loader(const ConfigDocument& document, Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  Config load() {
    config_.node = document_.node;
    TableReader root(document_.root, "", diagnostics_);
    // The election's sections, which hapair-vrrp reads from the same file.
    for (const std::string_view section : {"vrrp", "pair", "alert"}) root.raw(section);
    refuse_not_built(root, kNotBuiltSections);
    static const ConfigNode kEmpty;
    auto global = root.table("global");
    if (!global) global.emplace(kEmpty, "global", diagnostics_);
    read_global(*global, document_.root, config_.global);
    if (auto defaults = root.table("defaults")) {
      defaults_ = defaults->node();
      judge_defaults(*defaults);
    }
    // Keep the names: a frontend may refer to a backend that stands below it.
    auto frontends = root.named_tables("frontend");
    auto backends = root.named_tables("backend");
    auto listens = root.named_tables("listen");
    root.finish();
    for (auto& [name, table] : backends) load_backend(name, table);
    for (auto& [name, table] : listens) load_listen(name, table, root);
    for (auto& [name, table] : frontends) load_frontend(name, table);
    for (std::size_t i = 0; i < pending_.size(); ++i) resolve(pending_[i], config_.frontends[i]);
    judge_unasked_monitor();
    settle_full_conn();
    if (config_.frontends.empty() && !diagnostics_.has_errors())
      diagnostics_.error({document_.root.where.file, 0, 0, {}},
                         "there is no [frontend.NAME] and no [listen.NAME]: nothing to serve");
    judge_tracks(document_.root, config_, diagnostics_);
    warn_of_unread_access_log();
    limit_log_targets();
    return std::move(config_);
  }

 private:
  /// Mistakes in [defaults] are mistakes even where nobody inherits them.
  void judge_defaults(TableReader& defaults) {
    read_mode(defaults);
    // Keys of both modes may stand here: a section takes those of its own.
    ConfigNode of_any_mode = defaults.node();
    std::erase_if(of_any_mode.table, [](const auto& entry) { return entry.key == "mode"; });
    TableReader keys(of_any_mode, defaults.path(), diagnostics_);
    Frontend frontend;
    Backend backend;
    read_frontend_keys(keys, frontend);
    read_backend_keys(keys, backend);
    std::vector<BackendReference> judged_where_inherited;
    if (keys.has("monitor_uri")) read_monitor(keys, judged_where_inherited);
    keys.raw("monitor_fail");  // without the uri: for those frontends that have one
    keys.refuse("server", "a server belongs to a backend", "[[backend.NAME.server]]");
    keys.raw("default_backend");  // judged where it is inherited: there it must exist
    keys.finish();
  }

  /// monitor_fail of [defaults], and nobody anywhere could ask.
  void judge_unasked_monitor() {
    const ConfigNode::Entry* fail = defaults_.find("monitor_fail");
    if (!fail || defaults_.find("monitor_uri") ||
        std::any_of(config_.frontends.begin(), config_.frontends.end(),
                    [](const Frontend& frontend) { return frontend.monitor.has_value(); }))
      return;
    diagnostics_.error(fail->value.where, "nobody could ask: no frontend has a monitor_uri",
                       "monitor_uri = \"/ready\"");
  }

  void load_backend(const std::string& name, TableReader& table) {
    const ConfigNode node = inherit(defaults_, table.node());
    TableReader section(node, table.path(), diagnostics_);
    check_name(name, "backend", table.where(), diagnostics_);
    Backend backend;
    backend.name = name;
    read_backend_keys(section, backend);
    read_servers(section, backend);
    refuse_disabled(section);
    places_[name] = section.where();
    section.finish();
    require_servers(section, backend);
    warn_of_first_without_limit(section, backend);
    warn_of_missing_timeouts(section, backend);
    config_.backends.push_back(std::move(backend));
  }

  /// Inherited from [defaults] it is meant for frontends.
  static void refuse_disabled(TableReader& backend) {
    backend.raw("disabled");
    const ConfigNode::Entry* entry = backend.node().find("disabled");
    if (entry && !entry->inherited)
      backend.error("disabled", "a backend has no door to close",
                    "disabled = true for each of its servers, or for the frontend before it");
  }

  void load_frontend(const std::string& name, TableReader& table) {
    const ConfigNode node = inherit(defaults_, table.node());
    TableReader section(node, table.path(), diagnostics_);
    check_name(name, "frontend", table.where(), diagnostics_);
    Frontend frontend;
    frontend.name = name;
    read_frontend_keys(section, frontend);
    claim(read_binds(section, frontend), frontend);
    read_rules(section, frontend);
    resolve_backend(section, frontend);
    section.finish();
    warn_of_missing_timeouts(section);
    config_.frontends.push_back(std::move(frontend));
  }

  void load_listen(const std::string& name, TableReader& table, TableReader& root) {
    const ConfigNode node = inherit(defaults_, table.node());
    TableReader section(node, table.path(), diagnostics_);
    check_name(name, "listen", table.where(), diagnostics_);
    for (const std::string_view kind : {"frontend", "backend"})
      if (const ConfigNode* others = root.raw(kind); others && others->find(name))
        diagnostics_.error(table.where(),
                           fmt::format("[listen.{0}] is a frontend and a backend, and there is "
                                       "[{1}.{0}] already",
                                       name, kind),
                           "give one of them another name");
    Frontend frontend;
    frontend.name = name;
    frontend.from_listen = true;
    read_frontend_keys(section, frontend);
    claim(read_binds(section, frontend), frontend);
    read_rules(section, frontend);
    Backend backend;
    backend.name = name;
    read_backend_keys(section, backend);
    read_servers(section, backend);
    places_[name] = section.where();
    section.finish();
    require_servers(section, backend);
    warn_of_first_without_limit(section, backend);
    warn_of_missing_timeouts(section);
    warn_of_missing_timeouts(section, backend);
    frontend.default_backend = static_cast<int>(config_.backends.size());
    config_.backends.push_back(std::move(backend));
    config_.frontends.push_back(std::move(frontend));
  }

  void resolve_backend(TableReader& section, Frontend& frontend) {
    const auto wanted = section.string("default_backend");
    if (!wanted) {
      if (!section.has("default_backend") && frontend.routes.empty())
        section.error_at(section.where(), "requests have nowhere to go: it has no default_backend",
                         config_.backends.empty() ? "add a [backend.NAME] and name it here"
                                                  : fmt::format("default_backend = \"{}\"",
                                                                config_.backends.front().name));
      return;
    }
    frontend.default_backend =
        find_backend(*wanted, section.where("default_backend"), frontend.mode);
  }

  /// Its index; -1, reported, if there is none of that name and mode.
  int find_backend(const std::string& wanted, const SourceLocation& where, Mode mode) {
    std::vector<std::string> names;
    for (const Backend& backend : config_.backends) names.push_back(backend.name);
    const auto found = std::find(names.begin(), names.end(), wanted);
    if (found != names.end()) {
      const Backend& backend = config_.backends[static_cast<std::size_t>(found - names.begin())];
      const auto word = [](Mode of) { return of == Mode::Tcp ? "tcp" : "http"; };
      if (backend.mode != mode)
        diagnostics_.error(where,
                           fmt::format("backend \"{}\" has mode \"{}\", this frontend mode \"{}\"",
                                       backend.name, word(backend.mode), word(mode)),
                           "both need the same mode");
      return static_cast<int>(found - names.begin());
    }
    const auto near = nearest_word(wanted, names);
    diagnostics_.error(where, fmt::format("there is no backend \"{}\"", wanted),
                       near            ? fmt::format("did you mean \"{}\"?", *near)
                       : names.empty() ? "the file has no backend"
                                       : fmt::format("there are {}", fmt::join(names, ", ")));
    return -1;
  }

  /// Routes and monitor: what is asked of a request before it goes anywhere. They may name
  /// backends that are read later.
  void read_rules(TableReader& section, Frontend& frontend) {
    Pending& pending = pending_.emplace_back();
    frontend.routes = read_routes(section, frontend.mode, pending.routes);
    frontend.monitor = read_monitor(section, pending.monitor);
    if (frontend.mode == Mode::Tcp) frontend.monitor.reset();
  }

  /// The backends named by one frontend's rules.
  struct Pending {
    std::vector<BackendReference> routes, monitor;
  };
  void resolve(const Pending& pending, Frontend& frontend) {
    for (const BackendReference& named : pending.routes)
      std::get<UseBackend>(frontend.routes[named.item].action).backend =
          find_backend(named.name, named.where, frontend.mode);
    for (const BackendReference& named : pending.monitor) {
      if (!frontend.monitor) break;
      // Any backend may be watched, whatever it speaks.
      const auto found = std::find_if(config_.backends.begin(), config_.backends.end(),
                                      [&](const Backend& backend) { return backend.name == named.name; });
      frontend.monitor->fail[named.item].of.backend =
          found != config_.backends.end()
              ? static_cast<int>(found - config_.backends.begin())
              : find_backend(named.name, named.where, frontend.mode);
    }
  }

  /// Every address and port, Unix socket and descriptor once in the file (and interface).
  void claim(const std::vector<SourceLocation>& places, const Frontend& frontend) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      const ListenSocket& socket = frontend.binds[i].socket;
      claim(socket.at, socket, frontend.name, places[i]);
      const auto* address = std::get_if<SocketAddress>(&socket.at);
      // A wildcard of IPv6 that takes IPv4 too is both.
      if (address && address->ip.is_v6() && address->ip.is_any() && !socket.v6only)
        claim(SocketAddress{IpAddress(), address->port}, socket, frontend.name, places[i]);
    }
  }

  void claim(const ListenSocket::Place& place, const ListenSocket& socket,
             const std::string& frontend, const SourceLocation& where) {
    const auto [first, fresh] =
        taken_.try_emplace(std::pair(place, socket.interface), std::pair(frontend, where));
    if (!fresh)
      diagnostics_.error(where,
                         fmt::format("{} is bound already by {} on line {}",
                                     std::visit([](const auto& p) { return p.to_string(); }, place),
                                     first->second.first, first->second.second.line),
                         "one listener for each address and port");
  }

  void require_servers(TableReader& section, const Backend& backend) {
    if (backend.servers.empty() && !backend.stats && !section.has("server"))
      section.error_at(section.where(), "it has no server (and no stats page of its own)",
                       fmt::format("add [[{}.server]] with name and address", section.path()));
  }

  /// Only what nobody wrote is warned of: "0s" is somebody's decision.
  static bool has_timeout(const TableReader& section, std::string_view key) {
    const ConfigNode::Entry* timeout = section.node().find("timeout");
    return timeout && timeout->value.find(key);
  }

  /// By default or by one of its routes.
  void settle_full_conn() {
    for (std::size_t i = 0; i < config_.backends.size(); ++i) {
      Backend& backend = config_.backends[i];
      const auto elastic = std::find_if(backend.servers.begin(), backend.servers.end(),
                                        [](const Server& server) { return server.minconn > 0; });
      if (elastic == backend.servers.end() || backend.full_conn > 0) continue;
      for (const Frontend& frontend : config_.frontends)
        if (leads_to(frontend, static_cast<unsigned>(i)) && frontend.maxconn == 0 &&
            config_.global.maxconn == 0)
          diagnostics_.error(places_[backend.name],
                             fmt::format("backend \"{}\": minconn of server \"{}\" needs to know how "
                                         "much is full load",
                                         backend.name, elastic->name),
                             "fullconn = 1000, or a maxconn for the frontends or in [global]");
      backend.full_conn = full_load(config_, static_cast<unsigned>(i), config_.global.maxconn);
    }
  }

  void warn_of_first_without_limit(TableReader& section, const Backend& backend) {
    if (backend.balance.algorithm != Balance::Algorithm::First) return;
    for (std::size_t i = 0; i + 1 < backend.servers.size(); ++i) {
      if (backend.servers[i].maxconn > 0) continue;
      return section.warning("balance",
                             fmt::format("server \"{}\" has no maxconn: it takes everything, and "
                                         "those below it nothing",
                                         backend.servers[i].name),
                             "balance \"first\" fills each server up to its maxconn");
    }
  }

  void warn_of_missing_timeouts(TableReader& section) {
    if (!has_timeout(section, "client"))
      diagnostics_.warning(
          section.where(),
          fmt::format("{} has no timeout for client: a silent client stays for ever",
                      section.path()),
          "timeout = { client = \"50s\" }");
  }

  void warn_of_missing_timeouts(TableReader& section, const Backend& backend) {
    if (backend.servers.empty()) return;
    std::string missing, remedy;
    const auto need = [&](std::string_view key, std::string_view sample) {
      if (has_timeout(section, key)) return;
      missing += fmt::format("{}{}", missing.empty() ? "" : " and ", key);
      remedy += fmt::format("{}{} = \"{}\"", remedy.empty() ? "" : ", ", key, sample);
    };
    need("connect", "5s");
    need("server", "50s");
    if (!missing.empty())
      diagnostics_.warning(
          section.where(),
          fmt::format("{} has no timeout for {}: a silent server holds its request "
                      "for ever",
                      section.path(), missing),
          fmt::format("timeout = {{ {} }}", remedy));
  }

  void limit_log_targets() {
    const std::size_t all = log_targets(config_).size();
    if (all > kMostLogTargets)
      diagnostics_.error(
          {document_.root.where.file, 0, 0, {}},
          fmt::format("{} different log targets, and {} are the most", all, kMostLogTargets),
          "equal ones count once");
  }

  void warn_of_unread_access_log() {
    if (const auto hidden = find_hidden_access_log(document_, config_))
      diagnostics_.warning(hidden->where, hidden->message, hidden->hint);
    const ConfigNode::Entry* global = document_.root.find("global");
    if (config_.global.log.empty() && !(global && global->value.find("log")))
      if (const auto asked = find_unsent_access_log(document_, config_))
        diagnostics_.warning(*asked, "an access log is asked for, and there is nowhere to send it",
                             "add [[global.log]] with target = \"udp:127.0.0.1:514\"");
  }

  std::map<std::string, SourceLocation> places_;  // of the backends
  const ConfigDocument& document_;
  Diagnostics& diagnostics_;
  Config config_;
  ConfigNode defaults_;
  std::vector<Pending> pending_;  // one a frontend, in their order
  // Place and interface: by whom, where.
  std::map<std::pair<ListenSocket::Place, std::string>, std::pair<std::string, SourceLocation>>
      taken_;
};

}  // namespace

std::optional<Config> load_config(const ConfigDocument& document, Diagnostics& diagnostics) {
  Config config = Loader(document, diagnostics).load();
  if (diagnostics.has_errors()) return std::nullopt;
  return config;
}

void judge_global(const ConfigDocument& document, Diagnostics& diagnostics) {
  TableReader root(document.root, "", diagnostics);
  Global unused;
  if (auto global = root.table("global")) read_global(*global, document.root, unused);
}

}  // namespace hapair::proxy
