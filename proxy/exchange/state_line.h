// The log lines that say a server or a backend changed its state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/log.h"
#include "proxy/health/condition.h"
#include "proxy/health/probe.h"

namespace hapair::exchange {

struct StateLine {
  Severity severity = Severity::Notice;
  std::string text;
};

/// Why a server's condition changed; at most one of these.
struct Cause {
  const health::ProbeResult* probe = nullptr;  // ", reason: Layer4 timeout, …"
  std::string_view words;                      // ", changed from CLI"
  std::string_view via;                        // " via ins/lamp1": the server it tracks
};

/// A change of condition and the farm just after it.
struct ServerChange {
  std::string_view backend;
  std::string_view server;
  bool is_backup = false;
  health::Condition before, after;
  Cause cause;
  unsigned active_left = 0;  // up with a weight, this one counted if it is
  unsigned backup_left = 0;
  unsigned sessions = 0;  // on this server
  unsigned requeued = 0;  // that left its queue for another server's
  unsigned queued = 0;    // waiting in the backend's queue
};

/// What HAProxy writes of such a change, in its order: "Server webservers/web1 is DOWN, reason: …"
/// (alert, or notice if it took no new work before), "… is UP, …", "… is stopping, …", "… is going
/// DOWN for maintenance. …", "… enters drain state. …" (notice). None if it makes no difference.
std::vector<StateLine> server_lines(const ServerChange& change);
/// "backend webservers has no server available!" (emergency); "proxy …" for a [listen] section.
StateLine no_server_available(std::string_view backend, bool is_listen);
/// "Paused frontend http-in." and "Resumed proxy tcp." (warning), for [frontend] and [listen].
StateLine frontend_paused(std::string_view frontend, bool is_listen);
StateLine frontend_resumed(std::string_view frontend, bool is_listen);
/// "Proxy http-in stopped (cumulated conns: FE: 7, BE: 0)." (warning).
StateLine proxy_stopped(std::string_view proxy, std::uint64_t frontend_connections,
                        std::uint64_t backend_connections);

}  // namespace hapair::exchange
