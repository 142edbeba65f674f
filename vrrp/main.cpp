// hapair-vrrp: from the command line to a running election and back.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/config_digest.h"
#include "common/config_reader.h"
#include "common/key_ring.h"
#include "common/loop/control_server.h"
#include "common/loop/log_shipper.h"
#include "common/loop/loop.h"
#include "common/options.h"
#include "common/secret_file.h"
#include "common/service.h"
#include "vrrp/admin/operator_service.h"
#include "vrrp/config/loader.h"
#include "vrrp/runtime/guardian.h"
#include "vrrp/runtime/history_keeper.h"
#include "vrrp/runtime/notifier.h"
#include "vrrp/runtime/privileges.h"
#include "vrrp/runtime/realtime.h"
#include "vrrp/runtime/sequence_keeper.h"
#include "vrrp/runtime/supervisor.h"

namespace hapair::vrrp {
namespace {

constexpr std::string_view kProgram = "hapair-vrrp";
constexpr std::string_view kSummary =
    "VRRP daemon: elects the master of a pair and moves its virtual addresses";

void complain(std::string_view message) {
  fmt::print(stderr, "{}: {}\n", kProgram, message);
}

/// The file as the other node sees it tells how high its instances stand while all is well.
void learn_peer_priorities(const DaemonOptions& options, Config& config) {
  if (config.other_nodes.size() != 1) return;
  Diagnostics unheard;  // the file's mistakes are reported once, as we see it
  const ConfigDocument document =
      load_document(options.files, config.other_nodes.front().name, unheard);
  if (unheard.has_errors()) return;
  const auto other = load_config(document, unheard);
  if (other) take_peer_priorities(config, *other);
}

/// The files as nobody sees them, so that both nodes come to the same.
ConfigDigest digest_of(const DaemonOptions& options, const KeyRing& keys) {
  Diagnostics unheard;
  const ConfigDocument document = load_document(options.files, "", unheard);
  // While keys are changed, the two may have them in another order.
  const auto& oldest = *std::ranges::min_element(keys.keys, {}, &KeyRing::Key::id);
  return {document.root, oldest.secret};
}

std::optional<Task> load(const DaemonOptions& options) {
  Diagnostics diagnostics;
  const ConfigDocument document = load_document(options.files, options.node, diagnostics);
  std::optional<Config> config;
  // After a syntax error the rest of the file would only be accused of its consequences.
  if (!diagnostics.has_errors()) config = load_config(document, diagnostics);
  fmt::print(stderr, "{}", diagnostics.to_string());
  if (!config) return std::nullopt;
  Task task{.config = *std::move(config), .keys = {}, .digest = {}, .mail_password = {}};
  if (task.config.needs_keys()) {
    auto keys = read_key_ring(task.config.pair.key_file);
    if (!keys) {
      complain(keys.error().message);
      return std::nullopt;
    }
    task.keys = *std::move(keys);
    task.digest = digest_of(options, task.keys);
  }
  if (task.config.mail && !task.config.mail->password_file.empty()) {
    auto password = read_secret_line(task.config.mail->password_file, "password file");
    if (!password) {
      complain(password.error().message);
      return std::nullopt;
    }
    task.mail_password = *std::move(password);
  }
  learn_peer_priorities(options, task.config);
  return task;
}

std::vector<LogTarget> log_targets(const DaemonOptions& options, const Config& config) {
  if (options.debug) return {LogTarget{.transport = LogTarget::Transport::Stderr}};
  if (!config.log.empty()) return config.log;
  return {LogTarget{.transport = LogTarget::Transport::UnixDatagram, .path = "/dev/log"}};
}

/// A backup may be master three intervals after the last advert that it heard, which may be one interval
/// before a hang: what is hung must be known by then.
Duration patience(const Config& config) {
  constexpr Duration kLeast = std::chrono::milliseconds(100);
  Duration shortest = std::chrono::seconds(1);
  for (const Instance& instance : config.instances)
    shortest = std::min(shortest, instance.advert_interval);
  return std::max(2 * shortest, kLeast);
}

/// Where `hapair status` asks when the file names no place.
ControlSocket default_control_socket(const Config& config) {
  return {.path = config.run_directory + "/vrrp.sock", .level = control::Level::Admin};
}

/// Everything that lives as long as the daemon does, on one loop.
class Daemon {
 public:
  Daemon(const DaemonOptions& options, const Config& config)
      : log_(loop_, log_targets(options, config), std::string(kProgram)),
        watchdog_(loop_, [this] { beat(); }),
        history_(config.run_directory, log_),
        sequences_(config.run_directory, log_) {}

  Result<void> open(const DaemonOptions& options, const Task& task) {
    if (task.config.realtime)
      for (const std::string& refused : become_realtime()) log_.write(Severity::Warning, refused);
    auto supervisor = Supervisor::open(loop_, task, log_);
    if (!supervisor) return tl::make_unexpected(supervisor.error());
    supervisor_ = *std::move(supervisor);
    remember();
    if (auto opened = open_control(task.config); !opened) return opened;
    auto notifier = Notifier::open(loop_, task.config, task.mail_password, log_);
    if (!notifier) return tl::make_unexpected(notifier.error());
    notifier_ = *std::move(notifier);
    supervisor_->on_transition([this](const Transition& it) { notifier_->on_transition(it); });
    supervisor_->on_remark([this](const Remark& it) { notifier_->on_remark(it); });
    if (!task.config.guardian) return {};
    auto guardian = Guardian::start(loop_,
                                    {.patience = patience(task.config),
                                     .log = log_targets(options, task.config)},
                                    log_);
    if (!guardian) return tl::make_unexpected(guardian.error());
    guardian_ = *std::move(guardian);
    supervisor_->set_guardian(guardian_.get());
    return {};
  }

  /// Returns after SIGTERM or SIGINT, when every address is gone and those who are told of changes
  /// have had a moment to hear of it. A second signal cuts that moment short.
  void run(Daemonizer& parent) {
    const SignalWatcher terminate(loop_, SIGTERM, [this] { stop(); });
    const SignalWatcher interrupt(loop_, SIGINT, [this] { stop(); });
    const SignalWatcher reload(loop_, SIGHUP, [this] { refuse("SIGHUP", "reload"); });
    const SignalWatcher drain(loop_, SIGUSR1, [this] { this->drain(); });
    const SignalWatcher replace(loop_, SIGUSR2,
                                [this] { refuse("SIGUSR2", "binary replacement"); });
    supervisor_->start();
    parent.ready();
    notify_service_manager("READY=1");
    beat();
    loop_.run();
    notify_service_manager("STOPPING=1");
  }

 private:
  /// What the last process left is known before the first packet; what the next one needs is
  /// written when everything urgent is done.
  void remember() {
    sequences_.resume(supervisor_->ports());
    if (DrillHall* drills = supervisor_->drills()) drills->set_history(history_.history());
    supervisor_->on_transition([this](const Transition& change) { history_.add(change); });
    loop_.at_turn_end([this] {
      sequences_.save(supervisor_->ports());
      history_.save();
    });
  }

  Result<void> open_control(const Config& config) {
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

  void stop() {
    if (std::exchange(stopping_, true)) return loop_.stop();
    log_.log(Severity::Info, "Stopping {}", kProgram);
    supervisor_->shutdown();
    supervisor_->set_guardian(nullptr);
    guardian_.reset();
    log_.flush();
    notifier_->finish([this] { loop_.stop(); });
  }

  void drain() {
    if (stopping_) return;
    log_.log(Severity::Info, "Stopping {} once the other node has taken over", kProgram);
    supervisor_->drain([this] { stop(); });
  }

  void refuse(std::string_view signal, std::string_view what) {
    log_.log(Severity::Warning, "{}: {} is not built yet; nothing changes", signal, what);
  }

  void beat() {
    const Duration interval = watchdog_interval();
    if (interval == Duration::zero()) return;
    notify_service_manager("WATCHDOG=1");
    watchdog_.arm(loop_.now() + interval);
  }

  Loop loop_;
  LogShipper log_;
  Timer watchdog_;
  HistoryKeeper history_;
  SequenceKeeper sequences_;
  std::unique_ptr<Guardian> guardian_;
  std::unique_ptr<Notifier> notifier_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<OperatorService> operators_;
  std::unique_ptr<ControlServer> control_;
  bool stopping_ = false;
};

int serve(const DaemonOptions& options, const Task& task) {
  const auto cannot_start = [](const Error& error) {
    complain(error.message);
    return kExitCannotStart;
  };
  if (auto allowed = check_privileges(); !allowed) return cannot_start(allowed.error());
  Daemonizer parent;
  if (options.daemonize && !options.debug) {
    auto detached = Daemonizer::detach();
    if (!detached) return cannot_start(detached.error());
    parent = *std::move(detached);
  }
  Pidfile pidfile;
  if (!options.pidfile.empty()) {
    auto created = Pidfile::create(options.pidfile);
    if (created)
      pidfile = *std::move(created);
    else
      return cannot_start(created.error());
    if (auto written = pidfile.write(); !written) return cannot_start(written.error());
  }
  Daemon daemon(options, task.config);
  if (auto opened = daemon.open(options, task); !opened) return cannot_start(opened.error());
  daemon.run(parent);
  return kExitGood;
}

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (!options) {
    complain(options.error().message);
    return kExitBadConfiguration;
  }
  if (options->help) {
    fmt::print("{}", help_text(kProgram, kSummary));
    return kExitGood;
  }
  if (options->version) {
    fmt::print("{}\n", version_text(kProgram));
    return kExitGood;
  }
  const auto task = load(*options);
  if (!task) return kExitBadConfiguration;
  if (options->check) {
    fmt::print("Configuration file is valid\n");
    return kExitGood;
  }
  if (task->config.instances.empty()) {
    complain("nothing to do: the configuration has no [vrrp.instance.NAME]");
    return kExitBadConfiguration;
  }
  return serve(*options, *task);
}

}  // namespace
}  // namespace hapair::vrrp

int main(int argc, char** argv) {
  // Before anything is written: a reader of our log that went away must not end a master, whose
  // address would stay behind. The commands of scripts start with the default again (libuv).
  std::signal(SIGPIPE, SIG_IGN);
  if (argc > 1 && argv[1] == hapair::vrrp::kGuardianWord)
    return hapair::vrrp::guard(std::span(argv + 2, static_cast<std::size_t>(argc - 2)));
  return hapair::vrrp::main(argc, argv);
}
