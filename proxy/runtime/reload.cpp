// The supervisor's part in a reload: prepare everything, then replace the configuration, or nothing.
#include <algorithm>
#include <tuple>

#include "common/service.h"
#include "proxy/config/changes.h"
#include "proxy/runtime/supervisor.h"
#include "proxy/runtime/unix_listener.h"

namespace hapair::proxy {
namespace {

std::string_view word(ServerChange::Kind kind) {
  switch (kind) {
    case ServerChange::Kind::Added: return "added";
    case ServerChange::Kind::Removed: return "removed";
    case ServerChange::Kind::Moved: return "at another address";
    case ServerChange::Kind::Changed: return "changed";
  }
  return "";
}

const balance::Server* live_server(const Snapshot& snapshot, std::string_view backend,
                                   std::string_view server) {
  for (const auto& candidate : snapshot.backends)
    if (candidate->config.name == backend)
      for (const auto& live : candidate->farm)
        if (live->name() == server) return live.get();
  return nullptr;
}

const ListenSocket& socket_of(const Config& config, const ListenerPlace& place) {
  return config.frontends[place.frontend].binds[place.bind].socket;
}

std::int64_t monotonic_microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(steady_now().time_since_epoch())
      .count();
}

}  // namespace

void Supervisor::reload() {
  if (snapshot_->process->draining)
    return log_.write(Severity::Warning, "Reload refused: the daemon is draining");
  if (adopting_ > 0) {
    reload_again_ = true;
    return;
  }
  notify_service_manager(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
  Loaded loaded = config_source_();
  std::size_t mistakes = 0;
  for (const Diagnostic& diagnostic : loaded.found.sorted()) {
    const bool error = diagnostic.level == Diagnostic::Level::Error;
    mistakes += error ? 1 : 0;
    const SourceLocation& where = diagnostic.where;
    log_.log(error ? Severity::Error : Severity::Warning, "{}:{}:{}: {}{}{}", where.file, where.line,
             where.column, diagnostic.message, diagnostic.hint.empty() ? "" : ": ",
             diagnostic.hint);
  }
  if (!loaded.config)
    return refuse_reload(fmt::format("{} mistake{} in the configuration", mistakes,
                                     mistakes == 1 ? "" : "s"));
  Config config = *std::move(loaded.config);
  for (const std::string& name : keep_fixed(snapshot_->config, config))
    log_.log(Severity::Warning, "{} cannot change in a running process: it stays as it was", name);

  const auto fitted = fit_limits(config);
  if (!fitted) return refuse_reload(fitted.error().message);
  const auto kept = kept_sockets(snapshot_->config, config);
  // What is prepared is undone by itself if something that follows fails.
  if (auto found = check_log_targets(config, log_targets(snapshot_->config)); !found)
    return refuse_reload(found.error().message);
  const auto control = control_->prepare(config.global.control);
  if (!control) return refuse_reload(control.error().message);
  auto rights = change_file_rights(config, kept);
  if (!rights) return refuse_reload(rights.error().message);
  const HealthSocket health = config.global.health;
  const bool was_heard = heartbeat_.is_open_at(health.path);
  if (auto opened = reopen_heartbeat(config); !opened) return refuse_reload(opened.error().message);
  const auto sockets = open_sockets(config, kept);
  if (!sockets) {
    if (!was_heard) heartbeat_.close(health.path);
    return refuse_reload(sockets.error().message);
  }

  // From here nothing fails.
  for (FileRights& changed : *rights) changed.keep();
  control_->commit(**control);
  heartbeat_.start(health.interval);
  log_.redirect(joined(config.global.log, extra_log_));
  auto next = std::make_shared<Snapshot>(std::move(config), ledger_, snapshot_.get());
  retiring_ = std::exchange(snapshot_, std::move(next));
  possible_maxconn_ = *fitted;
  apply_operator_maxconn();
  name_sockets(*sockets, kept);
  log_changes(retiring_->config, snapshot_->config, kept);
  keeper_.reconcile(*snapshot_);
  adopting_ = workers_.size();
  for (unsigned i = 0; i < workers_.size(); ++i)
    workers_[i]->post([this, &worker = *workers_[i], snapshot = snapshot_,
                       listeners = listeners_for(i, *sockets)]() mutable {
      worker.adopt(std::move(snapshot), std::move(listeners));
      loop_.post([this] { on_adopted(); });
    });
}

Result<void> Supervisor::reopen_heartbeat(const Config& config) {
  const Global& global = config.global;
  if (global.health.is_wanted && !global.identity.chroot.empty() &&
      !heartbeat_.is_open_at(global.health.path))
    return fail(Errc::Unsupported,
                "health socket {}: what is opened in the chroot {} cannot be found by hapair-vrrp; restart",
                global.health.path, global.identity.chroot);
  return open_heartbeat(config);
}

Result<std::vector<FileRights>> Supervisor::change_file_rights(
    const Config& config, const std::vector<std::optional<std::size_t>>& kept) {
  const std::vector<ListenerPlace> old = listeners_of(snapshot_->config);
  const std::vector<ListenerPlace> fresh = listeners_of(config);
  std::vector<FileRights> changed;
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (!kept[i]) continue;
    const ListenSocket& before = socket_of(snapshot_->config, old[*kept[i]]);
    const ListenSocket& after = socket_of(config, fresh[i]);
    if (std::tie(before.mode, before.user, before.group) ==
        std::tie(after.mode, after.user, after.group))
      continue;
    auto rights = proxy::change_file_rights(before, after);
    if (!rights)
      return fail(rights.error().code, "frontend {}: {}", config.frontends[fresh[i].frontend].name,
                  rights.error().message);
    changed.push_back(*std::move(rights));
  }
  return changed;
}

Result<void> Supervisor::check_log_targets(const Config& config,
                                           const std::vector<LogTarget>& open) {
  for (const LogTarget& target : log_targets(config))
    if (std::find(open.begin(), open.end(), target) == open.end())
      if (auto found = check_log_target(target); !found) return found;
  return {};
}

void Supervisor::refuse_reload(std::string_view why) {
  const std::string line =
      fmt::format("Reload refused, the configuration stays as it was: {}", why);
  log_.write(Severity::Error, line);
  std::fprintf(stderr, "%s\n", line.c_str());
  notify_service_manager(fmt::format("READY=1\nSTATUS={}", line));
}

/// While workers go over one by one, some give slots back in the old state of a backend and some
/// wait in the new one; and what algorithms keep of the load may lag. Once all are over, both are
/// put right.
void Supervisor::on_adopted() {
  if (--adopting_ > 0) return;
  retiring_.reset();
  loop_.refresh();
  for (const auto& backend : snapshot_->backends) keeper_.settle(*backend);
  log_.write(Severity::Notice, "Reloaded: the new configuration is in force");
  notify_service_manager("READY=1\nSTATUS=reloaded");
  if (std::exchange(reload_again_, false)) reload();
}

void Supervisor::log_changes(const Config& before, const Config& after,
                             const std::vector<std::optional<std::size_t>>& kept) {
  for (const ServerChange& change : changed_servers(before, after)) {
    const bool followed = change.kind == ServerChange::Kind::Moved &&
                          live_server(*retiring_, change.backend, change.server) ==
                              live_server(*snapshot_, change.backend, change.server);
    log_.log(Severity::Notice, "Reload: server {}/{} {}", change.backend, change.server,
             followed ? "stays where an operator has moved it" : word(change.kind));
  }
  const auto tell = [&](const Config& config, const ListenerPlace& place, std::string_view what) {
    const Frontend& frontend = config.frontends[place.frontend];
    log_.log(Severity::Notice, "Reload: frontend {} {} {}", frontend.name, what,
             frontend.binds[place.bind].socket.to_string());
  };
  const auto tell_of = [this](const auto& gone, const auto& come, std::string_view what) {
    for (const auto& one : come)
      if (std::find(gone.begin(), gone.end(), one) == gone.end())
        log_.log(Severity::Notice, "Reload: {} {}", what, one.name());
    for (const auto& one : gone)
      if (std::none_of(come.begin(), come.end(),
                       [&](const auto& other) { return other.name() == one.name(); }))
        log_.log(Severity::Notice, "Reload: no longer {} {}", what, one.name());
  };
  for (const Frontend& frontend : after.frontends)
    for (const Frontend& earlier : before.frontends)
      if (earlier.name == frontend.name && earlier.disabled != frontend.disabled)
        log_.log(Severity::Notice, "Reload: frontend {} is {}", frontend.name,
                 frontend.disabled ? "disabled" : "no longer disabled");
  tell_of(before.global.control, after.global.control, "listens for operators at");
  tell_of(before.global.log, after.global.log, "logs to");
  const std::vector<ListenerPlace> old = listeners_of(before), fresh = listeners_of(after);
  for (std::size_t i = 0; i < fresh.size(); ++i)
    if (!kept[i]) tell(after, fresh[i], "listens on");
  for (std::size_t i = 0; i < old.size(); ++i)
    if (std::find(kept.begin(), kept.end(), std::optional(i)) == kept.end())
      tell(before, old[i], "no longer listens on");
}

}  // namespace hapair::proxy
