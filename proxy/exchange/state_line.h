// The log lines that say a server or a backend changed its state.
#pragma once

#include <string>
#include <string_view>

#include "common/log.h"
#include "proxy/health/probe.h"

namespace hapair::exchange {

struct StateLine {
  Severity severity = Severity::Notice;
  std::string text;
};

/// A change of health and the farm just after it.
struct ServerChange {
  std::string_view backend;
  std::string_view server;
  health::ProbeResult cause;
  unsigned active_left = 0;  // usable servers, this one counted if it is up
  unsigned backup_left = 0;
  unsigned sessions = 0;  // on this server
  unsigned requeued = 0;  // that left its queue for another server's
  unsigned queued = 0;    // waiting in the backend's queue
};

/// "Server webservers/web1 is DOWN, reason: …" (alert).
StateLine server_down(const ServerChange& change);
/// "Server webservers/web1 is UP, reason: …" (notice).
StateLine server_up(const ServerChange& change);
/// "backend webservers has no server available!" (emergency); "proxy …" for a [listen] section.
StateLine no_server_available(std::string_view backend, bool is_listen);
/// "Proxy http-in stopped (cumulated conns: FE: 7, BE: 0)." (warning).
StateLine proxy_stopped(std::string_view proxy, std::uint64_t frontend_connections,
                        std::uint64_t backend_connections);

}  // namespace hapair::exchange
