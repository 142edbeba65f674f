#include "vrrp/daemon.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <utility>

#include "vrrp/runtime/realtime.h"

namespace hapair::vrrp {
namespace {

/// Where `hapair status` asks when the file names no place.
ControlSocket default_control_socket(const Config& config) {
  return {.path = config.run_directory + "/vrrp.sock", .level = control::Level::Admin};
}

}  // namespace

void complain(std::string_view message) {
  fmt::print(stderr, "{}: {}\n", kProgram, message);
}

void complain(const Loaded& loaded) {
  fmt::print(stderr, "{}", loaded.found.to_string());
  if (!loaded.error.empty()) complain(loaded.error);
}

Daemon::Daemon(const DaemonOptions& options, Origin origin, const Config& config)
    : options_(options),
      before_(std::move(origin.before)),
      log_(loop_, log_targets(config), std::string(kProgram)),
      watchdog_(loop_, [this] { beat(); }),
      history_(config.run_directory, log_),
      sequences_(config.run_directory, log_),
      replacement_(loop_, std::move(origin.program), std::move(origin.words)) {
  // The background has another folder than the caller.
  for (std::string& file : options_.files) file = std::filesystem::absolute(file);
}

std::vector<LogTarget> Daemon::log_targets(const Config& config) const {
  if (options_.debug) return {LogTarget{.transport = LogTarget::Transport::Stderr}};
  if (!config.log.empty()) return config.log;
  return {LogTarget{.transport = LogTarget::Transport::UnixDatagram, .path = "/dev/log"}};
}

/// A backup may be master three intervals after the last advert that it heard, which may be one
/// interval before a hang: what is hung must be known by then.
Duration Daemon::patience(const Config& config) {
  constexpr Duration kLeast = std::chrono::milliseconds(100);
  Duration shortest = std::chrono::seconds(1);
  for (const Instance& instance : config.instances)
    shortest = std::min(shortest, instance.advert_interval);
  return std::max(2 * shortest, kLeast);
}

Result<void> Daemon::open(const Task& task) {
  // Who takes over from another holds its addresses already: a log is no reason to drop them.
  if (!before_)
    for (const LogTarget& target : log_targets(task.config))
      if (auto found = check_log_target(target); !found) return found;
  if (task.config.realtime)
    for (const std::string& refused : become_realtime()) log_.write(Severity::Warning, refused);
  if (before_) foundlings_.find();
  auto supervisor = Supervisor::open(loop_, task, log_);
  if (!supervisor) return tl::make_unexpected(supervisor.error());
  supervisor_ = *std::move(supervisor);
  remember();
  if (auto opened = open_control(task.config); !opened) return opened;
  auto notifier = Notifier::open(loop_, task.config, task.mail_password, log_);
  if (!notifier) return tl::make_unexpected(notifier.error());
  notifier_ = *std::move(notifier);
  mail_password_ = task.mail_password;
  supervisor_->on_transition([this](const Transition& it) { notifier_->on_transition(it); });
  supervisor_->on_remark([this](const Remark& it) { notifier_->on_remark(it); });
  if (task.config.guardian)
    if (auto started = start_guardian(task.config); !started) return started;
  return before_ ? succeed(*before_) : Result<void>();
}

void Daemon::run(Daemonizer& parent) {
  const SignalWatcher terminate(loop_, SIGTERM, [this] { stop(); });
  const SignalWatcher interrupt(loop_, SIGINT, [this] { stop(); });
  const SignalWatcher reload(loop_, SIGHUP, [this] { this->reload(); });
  const SignalWatcher drain(loop_, SIGUSR1, [this] { this->drain(); });
  const SignalWatcher replace(loop_, SIGUSR2, [this] { this->replace(); });
  release_signals();
  if (!before_) supervisor_->start();
  parent.ready();
  notify_service_manager("READY=1");
  beat();
  loop_.run();
  hold_signals();  // told twice to end, it still ends in its own way
  notify_service_manager("STOPPING=1");
}

/// What the last process left is known before the first packet; what the next one needs is
/// written when everything urgent is done.
void Daemon::remember() {
  sequences_.resume(supervisor_->ports());
  supervisor_->drills().set_history(history_.history());
  supervisor_->on_transition([this](const Transition& change) { history_.add(change); });
  loop_.at_turn_end([this] {
    sequences_.save(supervisor_->ports());
    history_.save();
    if (replacing_ == Replacing::Agreed && retired_.empty()) become_another();
  });
}

Result<void> Daemon::open_control(const Config& config) {
  operators_ = std::make_unique<OperatorService>(loop_, *supervisor_, history_);
  control_ = std::make_unique<ControlServer>(loop_, *operators_);
  for (const ControlSocket& socket : config.control)
    if (auto opened = control_->open(socket); !opened) return opened;
  if (!config.control.empty()) return {};
  // Nobody asked for this one: that it cannot be there is no reason to stay down.
  const auto opened = make_run_directory(config.run_directory).and_then([&] {
    return control_->open(default_control_socket(config));
  });
  if (!opened)
    log_.log(Severity::Warning, "{}; nobody can ask this daemon how it stands",
             opened.error().message);
  return {};
}

Result<std::unique_ptr<ControlServer::Change>> Daemon::prepare_control(const Config& before,
                                                                       const Config& after) {
  const auto sockets_of = [&](const Config& config) {
    return config.control.empty() ? std::vector{default_control_socket(before)} : config.control;
  };
  if (sockets_of(before) == sockets_of(after)) return nullptr;
  return control_->prepare(sockets_of(after));
}

Result<void> Daemon::start_guardian(const Config& config) {
  auto guardian =
      Guardian::start(loop_, {.patience = patience(config), .log = log_targets(config)}, log_);
  if (!guardian) return tl::make_unexpected(guardian.error());
  supervisor_->set_guardian(guardian->get());
  if (guardian_) foundlings_.add(guardian_->pid());
  guardian_ = *std::move(guardian);
  return {};
}

void Daemon::stop() {
  if (std::exchange(stopping_, true)) return loop_.stop();
  log_.log(Severity::Info, "Stopping {}", kProgram);
  supervisor_->shutdown();
  supervisor_->set_guardian(nullptr);
  guardian_.reset();
  log_.flush();
  notifier_->finish([this] { loop_.stop(); });
}

void Daemon::drain() {
  if (stopping_) return;
  draining_ = true;
  log_.log(Severity::Info, "Stopping {} once the other node has taken over", kProgram);
  supervisor_->drain([this] { stop(); });
}

void Daemon::beat() {
  const Duration interval = watchdog_interval();
  if (interval == Duration::zero()) return;
  notify_service_manager("WATCHDOG=1");
  watchdog_.arm(loop_.now() + interval);
}

}  // namespace hapair::vrrp
