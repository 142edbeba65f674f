#include "proxy/exchange/state_line.h"

#include <fmt/format.h>

#include <iterator>

#include "proxy/exchange/access_record.h"

namespace hapair::exchange {
namespace {

std::string opening(const ServerChange& change, std::string_view state) {
  std::string text = fmt::format("Server {}/{} is {}, reason: {}", change.backend, change.server,
                                 state, health::description(change.cause.status));
  auto out = std::back_inserter(text);
  if (change.cause.code > 0) fmt::format_to(out, ", code: {}", change.cause.code);
  if (!change.cause.info.empty()) {
    text += ", info: \"";
    append_escaped(text, change.cause.info);  // the server's words
    text += '"';
  }
  fmt::format_to(out, ", check duration: {}ms. ", to_milliseconds(change.cause.duration));
  return text;
}

}  // namespace

StateLine server_down(const ServerChange& change) {
  std::string text = opening(change, "DOWN");
  fmt::format_to(std::back_inserter(text), "{} active and {} backup servers left.{}",
                 change.active_left, change.backup_left,
                 change.active_left == 0 && change.backup_left > 0 ? " Running on backup." : "");
  fmt::format_to(std::back_inserter(text),
                 " {} sessions active, {} requeued, {} remaining in queue.", change.sessions,
                 change.requeued, change.queued);
  return {Severity::Alert, std::move(text)};
}

StateLine server_up(const ServerChange& change) {
  std::string text = opening(change, "UP");
  fmt::format_to(std::back_inserter(text),
                 "{} active and {} backup servers online. {} sessions requeued, {} total in queue.",
                 change.active_left, change.backup_left, change.requeued, change.queued);
  return {Severity::Notice, std::move(text)};
}

StateLine no_server_available(std::string_view backend, bool is_listen) {
  return {Severity::Emergency,
          fmt::format("{} {} has no server available!", is_listen ? "proxy" : "backend", backend)};
}

StateLine proxy_stopped(std::string_view proxy, std::uint64_t frontend_connections,
                        std::uint64_t backend_connections) {
  return {Severity::Warning, fmt::format("Proxy {} stopped (cumulated conns: FE: {}, BE: {}).",
                                         proxy, frontend_connections, backend_connections)};
}

}  // namespace hapair::exchange
