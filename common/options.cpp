// The command line that both daemons share.
#include "common/options.h"

#include <getopt.h>
#include <unistd.h>

#include <array>

#include "common/text.h"

namespace hapair {
namespace {

constexpr int kNode = 256;  // options without a letter

constexpr std::array<option, 10> kLongOptions = {{
    {"config", required_argument, nullptr, 'f'},
    {"check", no_argument, nullptr, 'c'},
    {"node", required_argument, nullptr, kNode},
    {"daemon", no_argument, nullptr, 'D'},
    {"pidfile", required_argument, nullptr, 'p'},
    {"debug", no_argument, nullptr, 'd'},
    {"version", no_argument, nullptr, 'V'},
    {"help", no_argument, nullptr, 'h'},
    {"foreground", no_argument, nullptr, 'F'},
    {nullptr, 0, nullptr, 0},
}};

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  const std::string_view text = name;
  return std::string(text.substr(0, text.find('.')));
}

/// What is wrong with the argument that getopt has just refused.
tl::unexpected<Error> refuse(int outcome, char** argv) {
  const std::string_view word = argv[optind - 1];
  const bool is_long = word.starts_with("--") && optopt == 0;
  if (outcome == ':') {
    // For a long option optopt holds its `val`; the word itself reads better.
    if (word.starts_with("--")) return fail(Errc::Syntax, "{} needs a value; see --help", word);
    return fail(Errc::Syntax, "-{} needs a value; see --help", static_cast<char>(optopt));
  }
  if (is_long) {
    std::vector<std::string> words;
    for (const option& known : kLongOptions)
      if (known.name) words.push_back(std::string("--") + known.name);
    const auto near = nearest_word(word.substr(0, word.find('=')), words);
    return near ? fail(Errc::Syntax, "unknown option {}: did you mean {}? See --help", word, *near)
                : fail(Errc::Syntax, "unknown option {}; see --help", word);
  }
  if (word.starts_with("--")) return fail(Errc::Syntax, "{} takes no value; see --help", word);
  return fail(Errc::Syntax, "unknown option -{}; see --help", static_cast<char>(optopt));
}

}  // namespace

Result<DaemonOptions> parse_options(int argc, char** argv) {
  DaemonOptions options;
  optind = 0;  // glibc: begin afresh, so that a second call (a test, a reload) works
  opterr = 0;
  for (;;) {
    // '+': the first word that is no option ends them, so that it can be named.
    const int outcome = getopt_long(argc, argv, "+:f:cDFdp:Vh", kLongOptions.data(), nullptr);
    if (outcome == -1) break;
    switch (outcome) {
      case 'f': options.files.emplace_back(optarg); break;
      case 'c': options.check = true; break;
      case 'D': options.daemonize = true; break;
      case 'F': options.daemonize = false; break;
      case 'd': options.debug = true; break;
      case 'p': options.pidfile = optarg; break;
      case 'V': options.version = true; break;
      case 'h': options.help = true; break;
      case kNode: options.node = optarg; break;
      default: return refuse(outcome, argv);
    }
  }
  if (optind < argc)
    return fail(Errc::Syntax,
                "unexpected argument '{}' (a configuration file is given with -f); see --help",
                argv[optind]);
  if (options.files.empty()) options.files.emplace_back("/etc/hapair/hapair.toml");
  if (options.node.empty()) options.node = host_name();
  if (options.debug) options.daemonize = false;  // -d: in the foreground
  return options;
}

std::string help_text(std::string_view program, std::string_view summary,
                      std::string_view signals) {
  return fmt::format(
      R"({0}: {1}

Usage: {0} [OPTION]…

  -f, --config FILE   read FILE; may be given several times, later files merge over earlier
                      (default: /etc/hapair/hapair.toml)
  -c, --check         print every mistake of the configuration; exit 0 if there is none, else 1
      --node NAME     be the node [node.NAME] (default: the host name, {2})
  -D, --daemon        go to the background once everything is ready
  -F, --foreground    stay in the foreground (the default)
  -p, --pidfile FILE  write the process id to FILE
  -d, --debug         foreground, debug log on standard error
  -V, --version       print the version
  -h, --help          print this

Exit codes: 0 good, 1 bad configuration, 2 cannot start.
Signals:
  SIGTERM  stop now
  SIGHUP   read the configuration again
{3})",
      program, summary, host_name(), signals);
}

std::string version_text(std::string_view program) {
  return fmt::format("{} {}", program, HAPAIR_VERSION);
}

}  // namespace hapair
