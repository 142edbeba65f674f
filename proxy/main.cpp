// hapair-proxy: command line, configuration, start and end of the daemon.
#include <cstdio>
#include <filesystem>
#include <string>

#include "common/config_reader.h"
#include "common/loop/control_server.h"
#include "common/options.h"
#include "common/service.h"
#include "proxy/admin/operator_service.h"
#include "proxy/admin/stats_page_service.h"
#include "proxy/config/changes.h"
#include "proxy/config/loader.h"
#include "proxy/runtime/inherited_sockets.h"
#include "proxy/runtime/supervisor.h"

namespace {

using namespace hapair;

constexpr std::string_view kProgram = "hapair-proxy";
constexpr std::string_view kSignals =
    "  SIGUSR1  close the listeners, stop after the last connection\n"
    "  SIGUSR2  (put the installed program in the place of this one) is not built yet\n";

void say(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  if (!text.ends_with('\n')) std::fputc('\n', stream);
}

int cannot_start(const Error& error) {
  say(stderr, fmt::format("{}: {}", kProgram, error.message));
  return kExitCannotStart;
}

/// Reads the files of the command line; says on standard error what is wrong with them.
proxy::Supervisor::Loaded load(const DaemonOptions& options) {
  proxy::Supervisor::Loaded loaded;
  const ConfigDocument document = load_document(options.files, options.node, loaded.found);
  if (!loaded.found.has_errors()) loaded.config = proxy::load_config(document, loaded.found);
  if (const std::string found = loaded.found.to_string(); !found.empty()) say(stderr, found);
  if (loaded.found.has_errors()) loaded.config.reset();
  return loaded;
}

int serve(proxy::Config config, const DaemonOptions& options) {
  DaemonOptions reload_options = options;  // the background has another folder than the caller
  for (std::string& file : reload_options.files) file = std::filesystem::absolute(file);
  Daemonizer daemonizer;
  if (options.daemonize && !options.debug) {
    auto detached = Daemonizer::detach();
    if (!detached) return cannot_start(detached.error());
    daemonizer = *std::move(detached);
  }
  // Whoever reads the pid file may send one at once.
  hold_signals();
  Pidfile pidfile;
  const std::string path = !options.pidfile.empty() ? options.pidfile : config.global.pidfile;
  if (!path.empty()) {
    auto created = Pidfile::create(path);
    if (!created) return cannot_start(created.error());
    pidfile = *std::move(created);
  }

  std::vector<LogTarget> extra_log;
  if (options.debug) {
    LogTarget to_stderr;
    to_stderr.transport = LogTarget::Transport::Stderr;
    extra_log.push_back(to_stderr);
  }
  const Identity identity = config.global.identity;
  const std::vector<ControlSocket> control_sockets = config.global.control;
  proxy::Supervisor supervisor(std::move(config), std::move(extra_log));
  proxy::StatsPageService statistics;
  supervisor.set_statistics(statistics);
  supervisor.set_config_source([reload_options] { return load(reload_options); });
  if (auto opened = supervisor.open(); !opened) return cannot_start(opened.error());
  proxy::OperatorService operators(supervisor);
  ControlServer control(supervisor.loop(), operators);
  for (const ControlSocket& socket : control_sockets)
    if (auto opened = control.open(socket); !opened) return cannot_start(opened.error());
  supervisor.set_control(control);
  // The service manager's socket is opened by the first word to it, which a chroot would prevent.
  notify_service_manager("STATUS=starting");
  if (auto dropped = drop_privileges(identity); !dropped) return cannot_start(dropped.error());
  daemonizer.ready();
  supervisor.run();
  return kExitGood;
}

}  // namespace

int main(int argc, char** argv) {
  proxy::InheritedSockets::of_this_process();  // before we open descriptors of our own
  const auto options = parse_options(argc, argv);
  if (!options) {
    say(stderr, fmt::format("{}: {}", kProgram, options.error().message));
    return kExitBadConfiguration;
  }
  if (options->help) {
    say(stdout, help_text(kProgram, "HTTP and TCP load balancer of a hapair node", kSignals));
    return kExitGood;
  }
  if (options->version) {
    say(stdout, version_text(kProgram));
    return kExitGood;
  }

  std::optional<proxy::Config> config = load(*options).config;
  if (!config) return kExitBadConfiguration;
  if (options->check) {
    for (const LogTarget& target : proxy::log_targets(*config))
      if (auto found = check_log_target(target); !found)
        say(stderr, fmt::format("{}: warning: {}", kProgram, found.error().message));
    say(stdout, "Configuration file is valid");
    return kExitGood;
  }
  return serve(*std::move(config), *options);
}
