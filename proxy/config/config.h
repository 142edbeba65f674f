// What the proxy was told to do: typed, complete, immutable once loaded.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/clock.h"
#include "common/control_config.h"
#include "common/health_config.h"
#include "common/log.h"
#include "common/service.h"
#include "proxy/config/approach.h"
#include "proxy/config/balance.h"
#include "proxy/config/bind.h"
#include "proxy/config/check.h"
#include "proxy/config/cookie.h"
#include "proxy/config/log_pattern.h"
#include "proxy/config/retry.h"
#include "proxy/config/route.h"

namespace hapair::proxy {

using namespace std::chrono_literals;

/// How long each phase may last. Zero: no limit (a warning when traffic depends on it).
struct Timeouts {
  Duration connect{};          // per attempt; 503 sC
  Duration client{};           // client neither sends nor takes anything
  Duration server{};           // server neither sends nor takes anything; 504 sH before headers
  Duration http_request{};     // complete request head; absent: client. 408 cR
  Duration http_keep_alive{};  // between requests; absent: http_request, then client. Silent close
  Duration queue{};            // waiting for a server slot; absent: connect. 503 sQ
  Duration check{};            // answer to a health check; absent: its interval
  Duration tunnel{};           // both ways after an upgrade; absent: client and server

  // What an absent value falls back to.
  Duration effective_request() const { return http_request > 0s ? http_request : client; }
  Duration effective_keep_alive() const { return http_keep_alive > 0s ? http_keep_alive : effective_request(); }
  Duration effective_queue() const { return queue > 0s ? queue : connect; }
};

enum class Mode { Tcp, Http };

/// What happens to connections after a response. When frontend and backend differ, the stronger
/// (later) one wins.
enum class ConnectionMode { KeepAlive, ServerClose, Close };

enum class LogFormat { None, Tcp, Http, Custom };

/// The statistics page on relayed traffic: `uri` is a prefix of path and query.
struct Stats {
  std::string uri;
  std::string realm = "hapair statistics";
  struct User {
    std::string name;
    std::string password;
  };
  std::vector<User> users;  // any one of them; empty: no authentication
};

/// Longest name of such a field: it has to fit beside the longest head.
inline constexpr std::size_t kLongestAddedField = 128;

/// Adds the client's address to requests as a header field of its own.
struct ForwardedFor {
  std::string header = "X-Forwarded-For";
  std::vector<Cidr> except;  // clients in these networks get none
  bool if_none = false;      // only requests that have no such field yet
};

/// "webservers/web1"
struct ServerName {
  std::string backend;
  std::string server;

  std::string to_string() const { return backend + "/" + server; }
  friend bool operator==(const ServerName&, const ServerName&) = default;
};

/// For how long a server's weight and maxconn grow before it has all of them.
struct SlowStart {
  Duration length{};        // zero: it has them at once
  bool at_recovery = true;  // when it comes back after a failure
  bool at_start = false;    // when we start
  bool at_takeover = false;  // when this node takes an address over: hapair-vrrp or an operator says so

  friend bool operator==(const SlowStart&, const SlowStart&) = default;
};

struct Server {
  std::string name;
  SocketAddress address;  // 0.0.0.0:0 of one that is at a Unix socket
  Approach approach;      // of traffic and checks
  std::optional<SendProxy> send_proxy;
  unsigned weight = 1;   // 0..256; 0: no new work
  unsigned maxconn = 0;  // concurrent requests (HTTP) or connections (TCP); 0: no limit
  std::string cookie;    // what the backend's cookie says for this one; empty: nothing
  unsigned minconn = 0;   // the limit while the backend has little to do; 0: maxconn
  unsigned max_queue = 0;  // that wait for this very server; 0: any number
  bool backup = false;     // only while no other server can serve
  SlowStart slow_start;
  bool disabled = false;       // begins in maintenance
  std::optional<Check> check;  // absent: always considered up
  bool ends_sessions_when_down = false;       // on_marked_down = "shutdown-sessions"
  bool ends_backup_sessions_when_up = false;  // on_marked_up = "shutdown-backup-sessions"
  Observe observe;             // Layer::None without a check
  std::optional<AgentCheck> agent;
  std::optional<ServerName> track;  // its health is that one's, which exists and has a check

  friend bool operator==(const Server&, const Server&) = default;
};

struct Backend {
  std::string name;
  Mode mode = Mode::Http;
  Balance balance;
  ConnectionMode connection = ConnectionMode::KeepAlive;
  std::optional<ForwardedFor> forwarded_for;
  std::optional<Stats> stats;
  std::optional<CookiePersistence> cookie;
  ErrorFiles error_files;  // before the frontend's
  Timeouts timeout;
  RetryRules retry;
  bool all_backups = false;  // when no other server is left: all of them, not only the first
  unsigned full_conn = 0;    // requests under way and queued at which minconn no longer counts; 0: no minconn
  unsigned max_queue = 0;    // requests that may wait for a server; 0: any number
  Approach approach;                   // of servers that do not say otherwise
  std::optional<SendProxy> send_proxy;  // likewise
  std::vector<Server> servers;
};

struct Frontend {
  std::string name;
  Mode mode = Mode::Http;
  bool disabled = false;  // nobody is let in before an operator says so
  std::vector<Bind> binds;
  int backlog = ListenSocket::kDefaultBacklog;  // of binds that do not say
  std::optional<AcceptProxy> accept_proxy;      // likewise
  unsigned maxconn = 0;  // concurrent clients; 0: global.maxconn
  ConnectionMode connection = ConnectionMode::KeepAlive;
  std::optional<ForwardedFor> forwarded_for;
  std::optional<Stats> stats;
  Timeouts timeout;
  LogFormat log_format = LogFormat::None;
  LogPattern log_pattern;            // of LogFormat::Custom
  std::vector<HeaderCapture> capture_request_headers;
  std::vector<HeaderCapture> capture_response_headers;
  std::optional<CookieCapture> capture_cookie;
  bool log_to_global = true;         // access lines go to global.log,
  std::vector<LogTarget> log;        // and to these
  bool log_errors_only = false;      // what went well is not worth a line
  bool log_separate_errors = false;  // what did not has level err, not info
  bool log_null = true;  // also connections that sent nothing
  int priority = 0;  // in a backend's queue: lower ones are served first
  std::optional<Monitor> monitor;
  ErrorFiles error_files;
  std::vector<Route> routes;  // first match wins
  int default_backend = -1;   // index into Config::backends; -1: none
  bool from_listen = false;  // [listen.NAME]: shares its name with its backend
};

struct Global {
  unsigned maxconn = 0;   // clients in all; 0: what the descriptor limit allows
  unsigned workers = 0;   // 0: one per CPU
  std::string pidfile;
  Identity identity;
  std::vector<LogTarget> log;
  std::vector<ControlSocket> control;
  HealthSocket health;
  std::string log_tag = "hapair-proxy";
  Duration drain_limit = 60s;  // how long connections may go on after SIGUSR1; zero: as they like
  bool strict_limits = false;  // a limit the kernel will not grant keeps us down
};

struct Config {
  Global global;
  std::vector<Frontend> frontends;
  std::vector<Backend> backends;
  std::string node;  // who we are
};

}  // namespace hapair::proxy
