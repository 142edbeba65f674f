#include "proxy/admin/process_figures.h"

#include <fmt/format.h>

namespace hapair::admin {
namespace {

using stats::Kind;

std::string uptime_text(Duration uptime) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(uptime).count();
  return fmt::format("{}d {}h{:02}m{:02}s", seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60,
                     seconds % 60);
}

}  // namespace

std::vector<stats::ProcessFigure> process_figures(const ProcessFacts& facts) {
  std::vector<stats::ProcessFigure> figures;
  const auto add = [&](unsigned position, std::string_view name, const char (&kind)[4],
                       std::string_view type, std::string value, std::string_view description) {
    figures.push_back({position, name, Kind{kind[0], kind[1], kind[2], type}, std::move(value),
                       description});
  };
  const auto number = [&](unsigned position, std::string_view name, const char (&kind)[4],
                          std::uint64_t value, std::string_view description) {
    add(position, name, kind, "u32", std::to_string(value), description);
  };
  const auto large = [&](unsigned position, std::string_view name, const char (&kind)[4],
                         std::uint64_t value, std::string_view description) {
    add(position, name, kind, "u64", std::to_string(value), description);
  };
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(facts.uptime).count();

  add(0, "Name", "POS", "str", "hapair-proxy", "Name of the program");
  add(1, "Version", "POS", "str", facts.version, "Its version");
  add(2, "Release_date", "POS", "str", "-", "Not told: the version says it");
  number(3, "Nbthread", "CGS", facts.workers, "Workers that serve clients (global.workers)");
  number(4, "Nbproc", "CGS", 1, "Processes that serve clients");
  number(5, "Process_num", "KGP", 1, "Which of them this is");
  number(6, "Pid", "SGP", static_cast<std::uint64_t>(facts.pid), "The process");
  add(7, "Uptime", "MDP", "str", uptime_text(facts.uptime), "How long it runs");
  number(8, "Uptime_sec", "MDP", static_cast<std::uint64_t>(seconds), "How long it runs, seconds");
  number(9, "Memmax_MB", "CLP", 0, "Limit of memory; 0: none of ours");
  number(13, "Ulimit-n", "CLP", facts.max_descriptors, "Descriptors the kernel grants");
  number(14, "Maxsock", "CLP", facts.max_descriptors, "Sockets that may be open");
  number(15, "Maxconn", "CLP", facts.maxconn, "Clients that may be connected (global.maxconn)");
  number(16, "Hard_maxconn", "CLP", facts.possible_maxconn,
         "Clients that configuration and descriptors allow");
  number(17, "CurrConns", "MGP", facts.connections, "Clients that are connected");
  number(18, "CumConns", "MCP", facts.total_connections, "Clients since the start");
  number(19, "CumReq", "MCP", facts.total_requests, "Requests since the start");
  number(20, "MaxSslConns", "MMP", 0, "Limit of TLS connections; 0: none");
  number(21, "CurrSslConns", "MGP", 0, "TLS connections now");
  number(22, "CumSslConns", "MCP", 0, "TLS connections since the start");
  number(23, "Maxpipes", "CLP", 0, "Limit of pipes; 0: as many as pay off");
  number(24, "PipesUsed", "MGP", 0, "Not counted");
  number(25, "PipesFree", "MGP", 0, "Not counted");
  number(26, "ConnRate", "MRP", facts.connection_rate, "Clients in the last second");
  number(27, "ConnRateLimit", "CLP", 0, "Limit of that; 0: none");
  number(28, "MaxConnRate", "MMP", facts.peak_connection_rate, "The most clients in one second");
  number(29, "SessRate", "MRP", facts.session_rate, "Sessions in the last second");
  number(30, "SessRateLimit", "CLP", 0, "Limit of that; 0: none");
  number(31, "MaxSessRate", "MRP", facts.peak_session_rate, "The most sessions in one second");
  number(32, "SslRate", "MRP", 0, "TLS connections in the last second");
  number(33, "SslRateLimit", "CLP", 0, "Limit of that; 0: none");
  number(34, "MaxSslRate", "MMP", 0, "The most TLS connections in one second");
  number(47, "Tasks", "MGP", facts.connections, "Clients that are being served");
  number(48, "Run_queue", "MGP", 0, "Not kept: workers take what is ready in turn");
  number(49, "Idle_pct", "MaP", facts.idle_percent,
         "Of the workers' last second, the part in which they did not compute");
  add(50, "node", "COS", "str", facts.node, "The node's name (--node, or the host's)");
  number(52, "Stopping", "MGP", facts.stopping ? 1 : 0, "1 while the process is about to end");
  number(53, "Jobs", "MGP", facts.connections + facts.listeners,
         "Clients and listening sockets that are open");
  number(54, "Unstoppable Jobs", "MGP", 0, "Those that would keep the process from ending");
  number(55, "Listeners", "MGP", facts.listeners, "Addresses it listens on");
  number(56, "ActivePeers", "MGP", 0, "Peers that were verified");
  number(57, "ConnectedPeers", "MGP", 0, "Peers that are connected");
  number(58, "DroppedLogs", "MGP", facts.dropped_logs, "Log lines that could not be delivered");
  large(61, "TotalBytesOut", "MGP", facts.total_bytes_out, "Bytes sent to clients");
  large(63, "BytesOutRate", "MRP", facts.bytes_out_rate,
        "Bytes sent to clients by what ended in the last second");
  add(66, "Build info", "POS", "str", facts.version, "What was built");
  number(70, "Start_time_sec", "MDP", static_cast<std::uint64_t>(facts.started),
         "When it started, seconds since 1970");
  return figures;
}

}  // namespace hapair::admin
