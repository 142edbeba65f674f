// hapair: the operator's command.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/key_ring.h"
#include "common/options.h"
#include "common/service.h"
#include "common/text.h"
#include "ctl/check.h"
#include "ctl/drill.h"
#include "ctl/keygen.h"
#include "ctl/status.h"
#include "ctl/switchover.h"

namespace {

using namespace hapair;

constexpr const char* kDefaultSocket = "/run/hapair/vrrp.sock";
constexpr int kExitWrong = 1;  // what was asked about is not as it should be

constexpr std::string_view kHelp = R"(hapair: looks after a hapair node

Usage: hapair check [FILE…]   everything that can be said about a configuration without running it:
                              each daemon's part as each node sees it, and what must hold between
                              the nodes; later files merge over earlier
                              (default: /etc/hapair/hapair.toml)
       hapair status [--json] [--socket PATH]
                              how this node's VRRP daemon stands: every instance, since when and
                              why, who is master; exit code 1 if something is wrong
                              (default: /run/hapair/vrrp.sock)
       hapair switchover [INSTANCE] [--socket PATH]
                              has the other node take over what this one is master of, or one
                              instance, and waits until it did (5 s at most); established
                              connections stay
       hapair drill [NAME] [--instance VI] [--probe URL|ADDRESS:PORT] [--limit MS]
                    [--hold SECONDS] [--json] [--socket PATH]
                              on the backup node: has the master fail in one of the ways that
                              hapair drill lists, sees what visitors lose, and waits until that
                              is undone; exit code 1 if the gap was above its limit
       hapair keygen [FILE] [--id N]
                              makes the pair's key, in a new FILE for its owner alone or on
                              standard output
       hapair keygen --add FILE [--id N]
                              adds a key behind those of FILE, to follow them one day
       hapair --version
       hapair --help

Exit codes: 0 good, 1 bad configuration or something is wrong, 2 cannot do it.
)";

const std::vector<std::string> kBuilt = {"check", "status", "switchover", "drill", "keygen"};
const std::vector<std::string> kNotBuilt = {"import", "passwd", "doctor", "top"};

void say(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  if (!text.ends_with('\n')) std::fputc('\n', stream);
}

int refuse(std::string_view message) {
  say(stderr, fmt::format("hapair: {}; see hapair --help", message));
  return kExitCannotStart;
}

int check(const std::vector<std::string_view>& arguments) {
  std::vector<std::string> files;
  bool only_files = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (only_files || !argument.starts_with('-') || argument == "-") {
      files.emplace_back(argument);
    } else if (argument == "--") {
      only_files = true;
    } else if (argument == "-h" || argument == "--help") {
      say(stdout, kHelp);
      return kExitGood;
    } else if (argument == "-f" || argument == "--config") {  // as the daemons take it
      if (++i == arguments.size()) return refuse(fmt::format("{} needs a file", argument));
      files.emplace_back(arguments[i]);
    } else {
      return refuse(fmt::format("check has no option {}", argument));
    }
  }
  if (files.empty()) files.emplace_back("/etc/hapair/hapair.toml");
  const Diagnostics found = ctl::check_files(files);
  if (const std::string text = found.to_string(); !text.empty()) say(stderr, text);
  if (found.has_errors()) return kExitBadConfiguration;
  say(stdout, "Configuration file is valid");
  return kExitGood;
}

int status(const std::vector<std::string_view>& arguments) {
  std::string socket = kDefaultSocket;
  bool json = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--json") {
      json = true;
    } else if (argument == "--socket") {
      if (++i == arguments.size()) return refuse("--socket needs the path of a control socket");
      socket = arguments[i];
    } else if (argument == "-h" || argument == "--help") {
      say(stdout, kHelp);
      return kExitGood;
    } else {
      return refuse(fmt::format("status has no option {}", argument));
    }
  }
  const auto asked = ctl::ask_status(socket, json);
  if (!asked) {
    say(stderr, fmt::format("hapair: {}", asked.error().message));
    return kExitWrong;
  }
  say(stdout, asked->text);
  return asked->is_well ? kExitGood : kExitWrong;
}

int switchover(const std::vector<std::string_view>& arguments) {
  constexpr Duration kLimit = std::chrono::seconds(5);
  std::string socket = kDefaultSocket;
  std::string_view instance;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--socket") {
      if (++i == arguments.size()) return refuse("--socket needs the path of a control socket");
      socket = arguments[i];
    } else if (argument == "-h" || argument == "--help") {
      say(stdout, kHelp);
      return kExitGood;
    } else if (argument.starts_with('-')) {
      return refuse(fmt::format("switchover has no option {}", argument));
    } else if (instance.empty() && !argument.empty()) {
      instance = argument;
    } else {
      return refuse("switchover is for one instance, or for all");
    }
  }
  const auto done = ctl::switch_over(socket, instance, kLimit);
  if (!done) {
    say(stderr, fmt::format("hapair: {}", done.error().message));
    return kExitWrong;
  }
  say(done->is_done ? stdout : stderr, done->text);
  return done->is_done ? kExitGood : kExitWrong;
}

int drill(const std::vector<std::string_view>& arguments) {
  const auto options = ctl::DrillOptions::parse(arguments, kDefaultSocket);
  if (!options) return refuse(options.error().message);
  if (options->help || !options->kind) {
    say(stdout, options->help ? std::string(kHelp) : ctl::drill_list());
    return kExitGood;
  }
  const auto report = ctl::run_drill(*options);
  if (!report) {
    say(stderr, fmt::format("hapair: {}", report.error().message));
    return kExitCannotStart;
  }
  say(stdout, options->json ? ctl::drill_json(*report) : ctl::drill_text(*report));
  return report->failures().empty() ? kExitGood : kExitWrong;
}

int keygen(const std::vector<std::string_view>& arguments) {
  std::string file;
  std::optional<std::uint8_t> id;
  bool add = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--add") {
      add = true;
    } else if (argument == "--id") {
      if (++i < arguments.size()) id = parse_number<std::uint8_t>(arguments[i]);
      if (id.value_or(0) == 0) return refuse("--id needs a number from 1 to 255");
    } else if (argument == "-h" || argument == "--help") {
      say(stdout, kHelp);
      return kExitGood;
    } else if (argument.starts_with('-')) {
      return refuse(fmt::format("keygen has no option {}", argument));
    } else if (file.empty() && !argument.empty()) {
      file = argument;
    } else {
      return refuse("keygen makes one file");
    }
  }
  const auto cannot = [](const Error& error) {
    say(stderr, fmt::format("hapair: {}", error.message));
    return kExitCannotStart;
  };
  if (add && file.empty()) return refuse("--add needs the file to add to");
  if (file.empty()) {
    say(stdout, make_key_line(id.value_or(1)));
    if (std::fflush(stdout) == 0) return kExitGood;
    return cannot({.message = "cannot write to standard output"});
  }
  if (add) {
    const auto added = ctl::add_key(file, id);
    if (!added) return cannot(added.error());
    say(stderr,
        fmt::format("{} has a key {} now: copy it to the other node; then put that key first "
                    "on both; then remove the old one from both",
                    file, *added));
    return kExitGood;
  }
  if (auto made = ctl::make_key_file(file, id.value_or(1)); !made) return cannot(made.error());
  say(stderr,
      fmt::format("{} is its owner's alone: give it to the daemons (chown root:hapair, chmod "
                  "0640), and copy it to the other node",
                  file));
  return kExitGood;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> arguments(argv + std::min(argc, 1), argv + argc);
  if (arguments.empty()) {
    say(stderr, kHelp);
    return kExitCannotStart;
  }
  const std::string_view command = arguments.front();
  arguments.erase(arguments.begin());
  if (command == "-h" || command == "--help" || command == "help") {
    say(stdout, kHelp);
    return kExitGood;
  }
  if (command == "-V" || command == "--version" || command == "version") {
    say(stdout, version_text("hapair"));
    return kExitGood;
  }
  if (command == "check") return check(arguments);
  if (command == "status") return status(arguments);
  if (command == "switchover") return switchover(arguments);
  if (command == "drill") return drill(arguments);
  if (command == "keygen") return keygen(arguments);
  if (std::ranges::find(kNotBuilt, command) != kNotBuilt.end())
    return refuse(fmt::format("{} is not built yet", command));
  std::vector<std::string> known = kBuilt;
  known.insert(known.end(), kNotBuilt.begin(), kNotBuilt.end());
  const auto near = nearest_word(command, known);
  return refuse(near ? fmt::format("unknown command '{}': did you mean {}?", command, *near)
                     : fmt::format("unknown command '{}'", command));
}
