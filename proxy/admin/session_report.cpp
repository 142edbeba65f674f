#include "proxy/admin/session_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "proxy/exchange/access_record.h"

namespace hapair::admin {
namespace {

using proxy::SessionView;

// HAProxy's words for nobody.
std::string_view or_none(const std::string& name, std::string_view none) {
  return name.empty() ? none : std::string_view(name);
}

/// "5s", "250ms"; nothing for what has no end.
std::string until(TimePoint deadline, TimePoint now) {
  if (deadline == kNever) return {};
  const Duration left = std::max(deadline - now, Duration::zero());
  if (left < std::chrono::seconds(1)) return fmt::format("{}ms", to_milliseconds(left));
  return fmt::format("{}s", std::chrono::duration_cast<std::chrono::seconds>(left).count());
}

std::int64_t seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

std::string_view protocol(const SessionView& session) {
  if (session.client.unix_listener != 0) return "unix_stream";
  return session.client.ip.is_v4() ? "tcpv4" : "tcpv6";
}

}  // namespace

void append_sessions(std::string& out, std::span<const SessionView> sessions, TimePoint now) {
  for (const SessionView& session : sessions)
    fmt::format_to(std::back_inserter(out),
                   "{:#x}: proto={} src={} fe={} be={} srv={} ts={:02x} age={}s state={} exp={} "
                   "rc={}\n",
                   session.id, protocol(session), session.client.to_string(), session.frontend,
                   or_none(session.backend, "<NONE>"), or_none(session.server, "<none>"),
                   session.worker, seconds(now - session.accepted), session.phase,
                   until(session.expires, now), session.retries);
}

void append_session_details(std::string& out, std::span<const SessionView> sessions, TimePoint now,
                            WallTime wall) {
  exchange::AccessClock clock;
  for (const SessionView& session : sessions) {
    auto at = std::back_inserter(out);
    fmt::format_to(at, "{:#x}: {} proto={} source={}\n", session.id,
                   clock.stamp(wall - (now - session.accepted)), protocol(session),
                   session.client.to_string());
    fmt::format_to(at, "  frontend={} (mode={}) worker={}\n", session.frontend,
                   session.http ? "http" : "tcp", session.worker);
    fmt::format_to(at, "  backend={}\n", or_none(session.backend, "<NONE>"));
    fmt::format_to(at, "  server={}", or_none(session.server, "<NONE>"));
    if (!session.server.empty()) fmt::format_to(at, " addr={}", session.server_address.to_string());
    fmt::format_to(at, "\n  state={} age={}s exp={} retries={} out={}\n", session.phase,
                   seconds(now - session.accepted), until(session.expires, now), session.retries,
                   session.bytes_out);
    if (session.request_line.empty()) continue;
    out += "  request=\"";
    exchange::append_escaped(out, session.request_line);
    out += "\"\n";
  }
}

}  // namespace hapair::admin
