#include "proxy/exchange/state_line.h"

#include <fmt/format.h>

#include <iterator>

namespace hapair::exchange {
namespace {

using health::Condition;

/// The server's words, so that they can neither end the line nor look like the rest of it: HAProxy's
/// form, as "<22>" for a quotation mark.
void append_encoded(std::string& out, std::string_view words) {
  for (const char c : words) {
    if (c < ' ' || c > '~' || c == '"' || c == '<' || c == '>')
      fmt::format_to(std::back_inserter(out), "<{:02X}>", static_cast<unsigned char>(c));
    else
      out += c;
  }
}

class Lines {
 public:
  explicit Lines(const ServerChange& change)
      : change_(change), before_(change.before), after_(change.after) {}

  std::vector<StateLine> write() {
    if (!before_.in_maintenance() && !after_.in_maintenance()) well_or_not();
    maintenance();
    if (!after_.in_maintenance()) drain();
    return std::move(lines_);
  }

 private:
  void well_or_not() {
    // A server that is found well at the start is no news; one that is found down is.
    if (after_.down() && !before_.down()) {
      add(left_idle(), "is DOWN" + cause() + left());
    } else if (after_.down() && before_.health() == health::Health::Unknown &&
               after_.health() == health::Health::Down) {
      add(Severity::Alert, "is DOWN" + cause() + left());
    } else if (after_.stopping() && !before_.stopping()) {
      add(Severity::Notice, "is stopping" + cause() + online());
    } else if (!after_.down() && !after_.stopping() &&
               (before_.health() == health::Health::Down || before_.stopping())) {
      add(Severity::Notice, "is UP" + cause() + online());
    }
  }

  void maintenance() {
    const bool was = before_.in_maintenance(), is = after_.in_maintenance();
    const std::string_view state = after_.down() ? "DOWN" : "UP";
    if (is && !was) {
      if (before_.down())
        add(Severity::Notice, "was DOWN and now enters maintenance" + words() + via() + ".");
      else
        add(left_idle(), "is going DOWN for maintenance" + words() + via() + left());
    } else if (was && !is) {
      add(Severity::Notice,
          fmt::format("is {}/{} (leaving {}maintenance).", state,
                      after_.draining() ? "DRAIN" : "READY",
                      before_.has(Condition::kForcedMaint) ? "forced " : ""));
    } else if (is && dropped(Condition::kForcedMaint)) {
      add(Severity::Notice, "is leaving forced maintenance but remains in maintenance" + via() + ".");
    } else if (is && dropped(Condition::kInheritedMaint)) {
      add(Severity::Notice, "remains in forced maintenance.");
    }
  }

  void drain() {
    const bool was = before_.draining(), is = after_.draining();
    if (is && before_.in_maintenance()) {
      if (after_.has(Condition::kForcedDrain)) add(Severity::Notice, "remains in forced drain mode.");
    } else if (is && !was) {
      add(Severity::Notice, "enters drain state" + words() + via() + online());
    } else if (was && !is) {
      add(Severity::Notice,
          fmt::format("is {} (leaving {}drain).", after_.down() ? "DOWN" : "UP",
                      before_.has(Condition::kForcedDrain) ? "forced " : ""));
    } else if (is && dropped(Condition::kForcedDrain)) {
      add(Severity::Notice, "is leaving forced drain but remains in drain mode" + via() + ".");
    } else if (is && dropped(Condition::kInheritedDrain)) {
      add(Severity::Notice, "remains in forced drain mode.");
    }
  }

  void add(Severity severity, const std::string& what) {
    lines_.push_back({severity, fmt::format("{}erver {}/{} {}", change_.is_backup ? "Backup S" : "S",
                                            change_.backend, change_.server, what)});
  }

  bool dropped(std::uint32_t reason) const { return before_.has(reason) && !after_.has(reason); }
  /// Nobody is called for a server that was asked to rest before.
  Severity left_idle() const {
    return before_.stopping() || before_.draining() ? Severity::Notice : Severity::Alert;
  }

  std::string cause() const {
    if (!change_.cause.probe) return words() + via();
    const health::ProbeResult& probe = *change_.cause.probe;
    std::string text = fmt::format(", reason: {}", health::description(probe.status));
    if (probe.code >= 0) text += fmt::format(", code: {}", probe.code);
    if (!probe.info.empty()) {
      text += ", info: \"";
      append_encoded(text, probe.info);
      text += '"';
    }
    if (probe.status != health::ProbeStatus::Observed)
      text += fmt::format(", check duration: {}ms", to_milliseconds(probe.duration));
    return text;
  }
  std::string words() const {
    return change_.cause.words.empty() ? "" : fmt::format(", {}", change_.cause.words);
  }
  std::string via() const {
    return change_.cause.via.empty() ? "" : fmt::format(" via {}", change_.cause.via);
  }
  std::string_view on_backup() const {
    return change_.active_left == 0 && change_.backup_left > 0 ? " Running on backup." : "";
  }
  std::string left() const {
    return fmt::format(
        ". {} active and {} backup servers left.{} {} sessions active, {} requeued, {} remaining in "
        "queue.",
        change_.active_left, change_.backup_left, on_backup(), change_.sessions, change_.requeued,
        change_.queued);
  }
  std::string online() const {
    return fmt::format(
        ". {} active and {} backup servers online.{} {} sessions requeued, {} total in queue.",
        change_.active_left, change_.backup_left, on_backup(), change_.requeued, change_.queued);
  }

  const ServerChange& change_;
  const Condition before_, after_;
  std::vector<StateLine> lines_;
};

}  // namespace

std::vector<StateLine> server_lines(const ServerChange& change) { return Lines(change).write(); }

StateLine no_server_available(std::string_view backend, bool is_listen) {
  return {Severity::Emergency,
          fmt::format("{} {} has no server available!", is_listen ? "proxy" : "backend", backend)};
}

StateLine frontend_paused(std::string_view frontend, bool is_listen) {
  return {Severity::Warning, fmt::format("Paused {} {}.", is_listen ? "proxy" : "frontend", frontend)};
}

StateLine frontend_resumed(std::string_view frontend, bool is_listen) {
  return {Severity::Warning,
          fmt::format("Resumed {} {}.", is_listen ? "proxy" : "frontend", frontend)};
}

StateLine proxy_stopped(std::string_view proxy, std::uint64_t frontend_connections,
                        std::uint64_t backend_connections) {
  return {Severity::Warning, fmt::format("Proxy {} stopped (cumulated conns: FE: {}, BE: {}).",
                                         proxy, frontend_connections, backend_connections)};
}

}  // namespace hapair::exchange
