// hapair-vrrp: from the command line to a running election and back.
#include <csignal>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "common/options.h"
#include "common/service.h"
#include "vrrp/daemon.h"
#include "vrrp/runtime/guardian.h"
#include "vrrp/runtime/loaded.h"
#include "vrrp/runtime/privileges.h"
#include "vrrp/runtime/replacement.h"

namespace hapair::vrrp {
namespace {

constexpr std::string_view kSignals =
    "  SIGUSR1  hand the addresses over, then stop\n"
    "  SIGUSR2  put the installed program in the place of this one\n";
constexpr std::string_view kSummary =
    "VRRP daemon: elects the master of a pair and moves its virtual addresses";

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
  hold_signals();  // whoever reads the pid file may send one at once
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
    fmt::print("{}", help_text(kProgram, kSummary, kSignals));
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
    for (const LogTarget& target : loaded.task->config.log)
      if (auto found = check_log_target(target); !found)
        complain("warning: " + found.error().message);
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
