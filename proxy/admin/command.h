// What an operator wants, from the words that were typed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "common/address.h"
#include "common/clock.h"
#include "common/control.h"
#include "proxy/stats/typed.h"

namespace hapair::admin {

struct ServerName {
  std::string backend;
  std::string server;
  friend bool operator==(const ServerName&, const ServerName&) = default;
};

struct ShowInfo {
  stats::FigureFormat format = stats::FigureFormat::Plain;
  bool described = false;
};

/// Which rows of the statistics, and how.
struct ShowStat {
  // Bits of `kinds`.
  static constexpr unsigned kFrontends = 1, kBackends = 2, kServers = 4;
  enum class Format { Csv, Typed, Json };

  Format format = Format::Csv;
  std::string proxy;                    // its name or number; empty: all
  unsigned kinds = ~0u;
  std::optional<std::int64_t> server;   // its number; absent: all
  bool up_only = false;                 // leave out servers that are down
  bool no_maintenance = false;          // leave out servers in maintenance
};

struct ShowServersState {
  std::string backend;  // empty: all
};
struct ShowSessions {
  bool detailed = false;
  std::optional<std::uint64_t> id;  // this one alone, detailed
  Duration older{};                 // those connected for at least so long
  std::optional<ServerName> server; // those with something under way there
};
struct ShowErrors {
  std::string proxy;  // its name or number; empty: all
  bool requests = true;
  bool responses = true;
};
struct ShowBackends {};
struct ShowVersion {};

struct GetWeight {
  ServerName server;
};
struct SetWeight {
  ServerName server;
  unsigned value = 0;  // 0 … 256, or per cent of the initial weight
  bool relative = false;
};
struct SetState {
  enum class To { Ready, Drain, Maintenance };
  ServerName server;
  To to = To::Ready;
};
struct SetHealth {
  enum class To { Up, Stopping, Down };
  ServerName server;
  To to = To::Up;
};
struct SetAddress {
  ServerName server;
  IpAddress ip;
  std::optional<std::uint16_t> port;  // absent: the same
};
struct SetServerLimit {
  ServerName server;
  unsigned maxconn = 0;  // 0: none
};
struct SetFrontendLimit {
  std::string frontend;
  unsigned maxconn = 0;  // 0: the process's
};
struct SetProcessLimit {
  unsigned maxconn = 0;  // 0: as configured
};
struct SwitchFrontend {
  std::string frontend;
  bool on = true;
};
struct ClearCounters {
  bool all = false;  // else only what was the most so far
};
struct ShutdownSession {
  std::uint64_t id = 0;
};
struct ShutdownSessions {
  ServerName server;
};
struct Warmup {};

using Command =
    std::variant<ShowInfo, ShowStat, ShowServersState, ShowSessions, ShowErrors, ShowBackends,
                 ShowVersion, GetWeight, SetWeight, SetState, SetHealth, SetAddress, SetServerLimit,
                 SetFrontendLimit, SetProcessLimit, SwitchFrontend, ClearCounters, ShutdownSession,
                 ShutdownSessions, Warmup>;

/// Every command there is.
std::span<const control::Verb> verbs();

/// A line that is one of verbs(), as typed by somebody who may do that much. The error is the
/// answer: HAProxy's words where it has some. What follows a command that only shows and is not
/// understood is ignored, as there; a command that changes things refuses it.
Result<Command> parse_command(const control::Line& line, control::Level level);

}  // namespace hapair::admin
