// hapair-vrrp: from the command line to a running election and back.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/loop/control_server.h"
#include "common/loop/log_shipper.h"
#include "common/loop/loop.h"
#include "common/options.h"
#include "common/service.h"
#include "vrrp/admin/operator_service.h"
#include "vrrp/runtime/guardian.h"
#include "vrrp/runtime/history_keeper.h"
#include "vrrp/runtime/foundlings.h"
#include "vrrp/runtime/loaded.h"
#include "vrrp/runtime/notifier.h"
#include "vrrp/runtime/privileges.h"
#include "vrrp/runtime/realtime.h"
#include "vrrp/runtime/replacement.h"
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

/// On standard error.
void complain(const Loaded& loaded) {
  fmt::print(stderr, "{}", loaded.found.to_string());
  if (!loaded.error.empty()) complain(loaded.error);
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

/// How it came to run: from where, with which words, and after whom.
struct Origin {
  std::string program;
  std::vector<std::string> words;
  std::optional<Succession> before{};  // the program whose place it took
};

/// Everything that lives as long as the daemon does, on one loop.
class Daemon {
 public:
  Daemon(const DaemonOptions& options, Origin origin, const Config& config)
      : options_(options),
        before_(std::move(origin.before)),
        log_(loop_, log_targets(options, config), std::string(kProgram)),
        watchdog_(loop_, [this] { beat(); }),
        history_(config.run_directory, log_),
        sequences_(config.run_directory, log_),
        replacement_(loop_, std::move(origin.program), std::move(origin.words)) {
    // The background has another folder than the caller.
    for (std::string& file : options_.files) file = std::filesystem::absolute(file);
  }

  Result<void> open(const Task& task) {
    if (task.config.realtime)
      for (const std::string& refused : become_realtime()) log_.write(Severity::Warning, refused);
    if (before_) foundlings_ = std::make_unique<Foundlings>(loop_);
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

  /// Returns after SIGTERM or SIGINT, when every address is gone and those who are told of changes
  /// have had a moment to hear of it. A second signal cuts that moment short.
  void run(Daemonizer& parent) {
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
    notify_service_manager("STOPPING=1");
  }

 private:
  /// What the last process left is known before the first packet; what the next one needs is
  /// written when everything urgent is done.
  void remember() {
    sequences_.resume(supervisor_->ports());
    supervisor_->drills().set_history(history_.history());
    supervisor_->on_transition([this](const Transition& change) { history_.add(change); });
    loop_.at_turn_end([this] {
      sequences_.save(supervisor_->ports());
      history_.save();
      if (replacing_ == Replacing::Agreed && retired_.empty()) become_another();
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

  /// Null: they stay.
  Result<std::unique_ptr<ControlServer::Change>> prepare_control(const Config& before,
                                                                 const Config& after) {
    const auto sockets_of = [&](const Config& config) {
      return config.control.empty() ? std::vector{default_control_socket(before)} : config.control;
    };
    if (sockets_of(before) == sockets_of(after)) return nullptr;
    return control_->prepare(sockets_of(after));
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

  /// Another one may be at work already: it is dismissed when this one knows what to do.
  Result<void> start_guardian(const Config& config) {
    auto guardian = Guardian::start(
        loop_, {.patience = patience(config), .log = log_targets(options_, config)}, log_);
    if (!guardian) return tl::make_unexpected(guardian.error());
    supervisor_->set_guardian(guardian->get());
    guardian_ = *std::move(guardian);
    return {};
  }

  // ---- reload

  void reload() {
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

  void on_loaded(const Loaded& loaded) {
    loading_ = false;
    if (stopping_ || draining_) return;
    if (std::exchange(load_again_, false)) return reload();  // it may have changed since
    if (auto done = take(loaded); !done) {
      const std::string line = fmt::format("Reload refused, the configuration stays as it was: {}",
                                           done.error().message);
      log_.write(Severity::Error, line);
      if (!options_.debug) complain(line);
      return notify_service_manager(fmt::format("READY=1\nSTATUS={}", line));
    }
    log_.write(Severity::Notice, "Reloaded: the new configuration is in force");
    notify_service_manager("READY=1\nSTATUS=reloaded");
  }

  static void notify_reloading() {
    notify_service_manager(fmt::format(
        "RELOADING=1\nMONOTONIC_USEC={}",
        std::chrono::duration_cast<std::chrono::microseconds>(steady_now().time_since_epoch())
            .count()));
  }

  /// Tells of what was found in the files. An error: they are no good.
  Result<void> judge(const Loaded& loaded) {
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

  Result<void> take(const Loaded& loaded) {
    if (auto good = judge(loaded); !good) return good;
    const std::vector<LogTarget> before = log_targets(options_, supervisor_->config());
    const std::vector<LogTarget> after = log_targets(options_, loaded.task->config);
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

  /// Null: it stays.
  Result<std::unique_ptr<Notifier>> prepare_notifier(const Task& task) {
    if (task.mail_password == mail_password_ &&
        Notifier::tells_the_same(supervisor_->config(), task.config))
      return nullptr;
    return open_informed_notifier(task.config, task.mail_password);
  }

  Result<std::unique_ptr<Notifier>> open_informed_notifier(const Config& config,
                                                           const std::string& mail_password) {
    auto notifier = Notifier::open(loop_, config, mail_password, log_);
    if (!notifier) return notifier;
    for (const auto& port : supervisor_->ports())
      (*notifier)->know(port->router().config().name, port->router().state());
    return notifier;
  }

  /// The one before has a moment for what it began to tell.
  void replace_notifier(std::unique_ptr<Notifier> notifier) {
    retired_.push_back(std::exchange(notifier_, std::move(notifier)));
    Notifier* const before = retired_.back().get();
    before->finish([this, before] {
      // Not from within its own call.
      loop_.post([this, before] {
        std::erase_if(retired_, [before](const auto& one) { return one.get() == before; });
      });
    });
  }

  // ---- another program

  /// What the program before this one has handed over.
  Result<void> succeed(const Succession& before) {
    for (const Succession::Router& router : before.routers) {
      const auto& ports = supervisor_->ports();
      const auto same = [&](const auto& port) {
        return port->router().config().name == router.instance;
      };
      // Its addresses are the guardian's to remove, who sees us end.
      if (std::ranges::none_of(ports, same))
        return fail(Errc::NotFound, "the files have changed: instance {} is gone", router.instance);
      notifier_->know(router.instance, router.election.state);
    }
    supervisor_->resume(before);
    log_.log(Severity::Notice, "{} {} goes on in the place of the program before it", kProgram,
             HAPAIR_VERSION);
    if (before.guardian < 0) return {};
    // Ours knows all by now.
    auto shared = SharedTestament::open(before.guardian);
    if (!shared) return tl::make_unexpected(shared.error());
    (*shared)->dismiss();
    return {};
  }

  void replace() {
    if (stopping_ || draining_) return refuse_replacement("the daemon is stopping");
    if (loading_ || replacing_ != Replacing::No) return refuse_replacement("one thing at a time");
    if (const std::string why = supervisor_->why_not_succeeded(); !why.empty())
      return refuse_replacement(why);
    replacing_ = Replacing::Trying;
    notify_reloading();
    const auto loaded = std::make_shared<Loaded>();
    loop_.offload([loaded, options = options_] { *loaded = load_again(options); },
                  [loaded, weak = std::weak_ptr(self_)] {
                    if (const auto self = weak.lock()) (*self)->try_another(*loaded);
                  });
  }

  void try_another(const Loaded& loaded) {
    if (stopping_ || draining_) return;
    const auto good = judge(loaded).and_then(
        [&] { return supervisor_->may_be_succeeded_with(*loaded.task); });
    if (!good) return refuse_replacement(good.error().message);
    replacement_.try_it([this](const Result<void>& tried) { on_tried(tried); });
  }

  void on_tried(const Result<void>& tried) {
    if (stopping_ || draining_) return;
    if (!tried) return refuse_replacement(tried.error().message);
    // Who is being told of something is told to the end.
    auto notifier = open_informed_notifier(supervisor_->config(), mail_password_);
    if (!notifier) return refuse_replacement(notifier.error().message);
    replacing_ = Replacing::Agreed;
    replace_notifier(*std::move(notifier));
  }

  /// At the end of a turn: its packets are out, and its news told and written down.
  void become_another() {
    if (stopping_ || draining_) return;
    if (const std::string why = supervisor_->why_not_succeeded(); !why.empty())
      return refuse_replacement(why);
    Succession succession = supervisor_->succession();
    if (guardian_) {
      succession.guardian = guardian_->shared();
      guardian_->allow(kSilence);
    }
    log_.log(Severity::Notice, "Replacing the program: {} runs next", replacement_.program());
    log_.flush();
    const Error failed = replacement_.become(succession);
    if (guardian_) guardian_->allow_no_more();
    refuse_replacement(failed.message);
  }

  void refuse_replacement(std::string_view why) {
    const std::string line = fmt::format("SIGUSR2 refused, nothing changes: {}", why);
    log_.write(Severity::Error, line);
    if (std::exchange(replacing_, Replacing::No) != Replacing::No)
      notify_service_manager(fmt::format("READY=1\nSTATUS={}", line));
  }

  void drain() {
    if (stopping_) return;
    draining_ = true;
    log_.log(Severity::Info, "Stopping {} once the other node has taken over", kProgram);
    supervisor_->drain([this] { stop(); });
  }

  void beat() {
    const Duration interval = watchdog_interval();
    if (interval == Duration::zero()) return;
    notify_service_manager("WATCHDOG=1");
    watchdog_.arm(loop_.now() + interval);
  }

  // So long the next program may be silent before the guardian takes it for hung. The addresses'
  // lease is not longer.
  static constexpr Duration kSilence = std::chrono::seconds(1);
  enum class Replacing { No, Trying, Agreed };

  DaemonOptions options_;
  std::optional<Succession> before_;
  Loop loop_;
  LogShipper log_;
  Timer watchdog_;
  HistoryKeeper history_;
  SequenceKeeper sequences_;
  Replacement replacement_;
  std::unique_ptr<Foundlings> foundlings_;  // null: there are none
  std::unique_ptr<Guardian> guardian_;
  std::unique_ptr<Notifier> notifier_;
  std::string mail_password_;  // that it was opened with
  std::vector<std::unique_ptr<Notifier>> retired_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<OperatorService> operators_;
  std::unique_ptr<ControlServer> control_;
  bool stopping_ = false;
  bool draining_ = false;
  bool loading_ = false;
  bool load_again_ = false;
  Replacing replacing_ = Replacing::No;
  std::shared_ptr<Daemon*> self_ = std::make_shared<Daemon*>(this);  // the first to go
};

int serve(const DaemonOptions& options, Origin origin, const Task& task) {
  const auto cannot_start = [](const Error& error) {
    complain(error.message);
    return kExitCannotStart;
  };
  if (auto allowed = check_privileges(); !allowed) return cannot_start(allowed.error());
  Daemonizer parent;
  if (options.daemonize && !options.debug && !origin.before) {
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
  Daemon daemon(options, std::move(origin), task.config);
  if (auto opened = daemon.open(task); !opened) return cannot_start(opened.error());
  daemon.run(parent);
  return kExitGood;
}

int main(int argc, char** argv, Origin origin, bool is_trial) {
  auto options = parse_options(argc, argv);
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
  options->check = options->check || is_trial;
  const Loaded loaded = load(*options);
  complain(loaded);
  if (!loaded.task) return kExitBadConfiguration;
  if (options->check) {
    fmt::print("Configuration file is valid\n");
    return kExitGood;
  }
  if (loaded.task->config.instances.empty()) {
    complain("nothing to do: the configuration has no [vrrp.instance.NAME]");
    return kExitBadConfiguration;
  }
  return serve(*options, std::move(origin), *loaded.task);
}

int begin(int argc, char** argv) {
  const std::span<char* const> words(argv, static_cast<std::size_t>(argc));
  if (argc > 1 && words[1] == kTrialWord) {
    if (auto understood = check_trial(words.subspan(2)); !understood) {
      complain(understood.error().message);
      return kExitCannotStart;
    }
    argv[2] = argv[0];
    return main(argc - 2, argv + 2, {}, true);
  }
  // Before anything is run that would find it, too.
  auto before = take_succession();
  if (!before) {
    complain(before.error().message);
    return kExitCannotStart;
  }
  return main(argc, argv, {own_program(), {words.begin(), words.end()}, *std::move(before)}, false);
}

}  // namespace
}  // namespace hapair::vrrp

int main(int argc, char** argv) {
  // Before anything is written: a reader of our log that went away must not end a master, whose
  // address would stay behind. The commands of scripts start with the default again (libuv).
  std::signal(SIGPIPE, SIG_IGN);
  if (argc > 1 && argv[1] == hapair::vrrp::kGuardianWord)
    return hapair::vrrp::guard(std::span(argv + 2, static_cast<std::size_t>(argc - 2)));
  return hapair::vrrp::begin(argc, argv);
}
