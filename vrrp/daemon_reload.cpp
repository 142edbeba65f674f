// What a daemon does when its files have changed.
#include <algorithm>
#include <utility>

#include "vrrp/daemon.h"

namespace hapair::vrrp {

void notify_reloading() {
  notify_service_manager(fmt::format(
      "RELOADING=1\nMONOTONIC_USEC={}",
      std::chrono::duration_cast<std::chrono::microseconds>(steady_now().time_since_epoch())
          .count()));
}

void Daemon::reload() {
  if (stopping_ || draining_)
    return log_.write(Severity::Warning, "Reload refused: the daemon is stopping");
  if (replacing_ != Replacing::No)
    return log_.write(Severity::Warning, "Reload refused: the program is being replaced");
  if (std::exchange(loading_, true)) {
    load_again_ = true;
    return;
  }
  notify_reloading();
  // Files may be slow, and adverts must not wait for them.
  const auto loaded = std::make_shared<Loaded>();
  loop_.offload([loaded, options = options_] { *loaded = load_again(options); },
                [loaded, weak = std::weak_ptr(self_)] {
                  if (const auto self = weak.lock()) (*self)->on_loaded(*loaded);
                });
}

void Daemon::on_loaded(const Loaded& loaded) {
  loading_ = false;
  if (stopping_ || draining_) return;
  if (std::exchange(load_again_, false)) return reload();  // it may have changed since
  if (auto done = take(loaded); !done) {
    const std::string line =
        fmt::format("Reload refused, the configuration stays as it was: {}", done.error().message);
    log_.write(Severity::Error, line);
    if (!options_.debug) complain(line);
    return notify_service_manager(fmt::format("READY=1\nSTATUS={}", line));
  }
  log_.write(Severity::Notice, "Reloaded: the new configuration is in force");
  notify_service_manager("READY=1\nSTATUS=reloaded");
}

Result<void> Daemon::judge(const Loaded& loaded) {
  complain(loaded);
  std::size_t mistakes = 0;
  for (const Diagnostic& diagnostic : loaded.found.sorted()) {
    const bool is_error = diagnostic.level == Diagnostic::Level::Error;
    mistakes += is_error ? 1 : 0;
    const SourceLocation& where = diagnostic.where;
    log_.log(is_error ? Severity::Error : Severity::Warning, "{}:{}:{}: {}{}{}", where.file,
             where.line, where.column, diagnostic.message, diagnostic.hint.empty() ? "" : ": ",
             diagnostic.hint);
  }
  if (!loaded.error.empty()) return fail(Errc::System, "{}", loaded.error);
  if (!loaded.task)
    return fail(Errc::Syntax, "{} mistake{} in the configuration", mistakes,
                mistakes == 1 ? "" : "s");
  return {};
}

Result<void> Daemon::take(const Loaded& loaded) {
  if (auto good = judge(loaded); !good) return good;
  const std::vector<LogTarget> before = log_targets(supervisor_->config());
  const std::vector<LogTarget> after = log_targets(loaded.task->config);
  for (const LogTarget& target : after)
    if (std::ranges::find(before, target) == before.end())
      if (auto found = check_log_target(target); !found) return found;
  for (const std::string& warning : loaded.warnings) log_.write(Severity::Warning, warning);
  auto control = prepare_control(supervisor_->config(), loaded.task->config);
  if (!control) return tl::make_unexpected(control.error());
  auto notifier = prepare_notifier(*loaded.task);
  if (!notifier) return tl::make_unexpected(notifier.error());
  if (auto done = supervisor_->reload(*loaded.task, loaded.scripts); !done) return done;
  if (*control) control_->commit(**control);
  if (*notifier) replace_notifier(*std::move(notifier));
  mail_password_ = loaded.task->mail_password;
  log_.redirect(after);
  if (!guardian_) return {};
  if (before == after)
    guardian_->set_patience(patience(supervisor_->config()));
  else if (auto started = start_guardian(supervisor_->config()); !started)
    log_.log(Severity::Error, "the guardian logs where it did: {}", started.error().message);
  return {};
}

Result<std::unique_ptr<Notifier>> Daemon::prepare_notifier(const Task& task) {
  if (task.mail_password == mail_password_ &&
      Notifier::tells_the_same(supervisor_->config(), task.config))
    return nullptr;
  return open_informed_notifier(task.config, task.mail_password);
}

Result<std::unique_ptr<Notifier>> Daemon::open_informed_notifier(const Config& config,
                                                                 const std::string& mail_password) {
  auto notifier = Notifier::open(loop_, config, mail_password, log_);
  if (!notifier) return notifier;
  for (const auto& port : supervisor_->ports())
    (*notifier)->know(port->router().config().name, port->router().state());
  return notifier;
}

void Daemon::replace_notifier(std::unique_ptr<Notifier> notifier) {
  retired_.push_back(std::exchange(notifier_, std::move(notifier)));
  Notifier* const before = retired_.back().get();
  before->finish([this, before] {
    // Not from within its own call.
    loop_.post([this, before] {
      std::erase_if(retired_, [before](const auto& one) { return one.get() == before; });
    });
  });
}

}  // namespace hapair::vrrp
