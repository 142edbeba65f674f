#include "proxy/admin/server_state_report.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace hapair::admin {
namespace {

using health::Condition;

constexpr std::string_view kColumns =
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
    "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
    "srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";

// HAProxy's srv_op_state.
enum : int { kStopped = 0, kStarting = 1, kRunning = 2, kStopping = 3 };
int operation(const balance::Server& live) {
  const Condition condition = live.condition();
  if (condition.down() || condition.in_maintenance()) return kStopped;
  if (condition.stopping()) return kStopping;
  return live.warmth() < balance::Server::kWarm ? kStarting : kRunning;
}

// HAProxy's numbers of the words that checks end with, in the order it has them.
int check_status(std::string_view code) {
  static constexpr std::array<std::string_view, 21> kWords = {
      "UNK",    "INI",    "START",  "CHECKED", "HANA", "SOCKERR", "L4OK",
      "L4TOUT", "L4CON",  "L6OK",   "L6TOUT",  "L6RSP", "L7TOUT", "L7RSP",
      "L57DATA", "L7OK",  "L7OKC",  "L7STS",   "PROCERR", "PROCTOUT", "PROCOK"};
  for (std::size_t i = 0; i < kWords.size(); ++i)
    if (kWords[i] == code) return static_cast<int>(i);
  return 0;
}

// HAProxy's srv_check_result: 0 none yet, 2 failed, 3 passed, 4 passed conditionally.
int check_result(const health::ProbeResult& probe) {
  if (probe.status == health::ProbeStatus::Initializing) return 0;
  if (probe.status == health::ProbeStatus::L7OkConditional) return 4;
  return probe.passed() ? 3 : 2;
}

// HAProxy's srv_check_state: 2 configured, 4 enabled, 8 paused.
int check_state(bool checked, Condition condition) {
  if (!checked) return 0;
  return condition.in_maintenance() ? 14 : 6;
}

// HAProxy's srv_agent_state: the same and 16, an agent's. Agents do not rest.
int agent_state(const proxy::Server& server) { return server.agent ? 22 : 0; }

// An address of its own, as the file says it.
std::string own(const std::optional<IpAddress>& address) {
  return address ? address->to_string() : "-";
}

}  // namespace

bool append_server_states(std::string& out, const proxy::Snapshot& snapshot,
                          std::string_view backend, TimePoint now) {
  std::string lines;
  bool found = backend.empty();
  for (const proxy::NumberedProxy& proxy : proxy::numbered_proxies(snapshot)) {
    if (!proxy.backend || (!backend.empty() && proxy.name() != backend)) continue;
    found = true;
    int number = 0;
    for (const auto& server : proxy.backend->servers) {
      const proxy::CheckReport report = server->report();
      const balance::Server& live = *server->live;
      const Condition condition = live.condition();
      const auto& check = server->config.check;
      const auto& agent = server->config.agent;
      const bool checked = check.has_value();
      const auto since = std::chrono::duration_cast<std::chrono::seconds>(
                             now - report.downtime.last_change())
                             .count();
      fmt::format_to(std::back_inserter(lines),
                     "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} 0 0 - {} - 0 {} {} {} {}\n", proxy.id,
                     proxy.name(), ++number, live.name(), live.address().ip.to_string(),
                     operation(live), condition.admin(), live.weight(),
                     live.configured_weight(), since,
                     check_status(health::short_code(report.last.status)),
                     check_result(report.last), checked ? report.lives : 2,
                     check_state(checked, condition), agent_state(server->config),
                     live.address().port, checked ? check->port : 0,
                     own(checked ? check->address : std::nullopt),
                     own(agent ? agent->address : std::nullopt), agent ? agent->port : 0);
    }
  }
  if (!found) return false;
  out += "1\n";
  out += kColumns;
  out += lines;
  return true;
}

}  // namespace hapair::admin
