// hapair: the operator's command.
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "common/options.h"
#include "common/service.h"
#include "common/text.h"
#include "ctl/check.h"

namespace {

using namespace hapair;

constexpr std::string_view kHelp = R"(hapair: looks after a hapair node

Usage: hapair check [FILE…]   everything that can be said about a configuration without running it:
                              each daemon's part as each node sees it, and what must hold between
                              the nodes; later files merge over earlier
                              (default: /etc/hapair/hapair.toml)
       hapair --version
       hapair --help

Exit codes: 0 good, 1 bad configuration, 2 cannot do it.
)";

const std::vector<std::string> kNotBuilt = {"status", "import", "switchover", "drill",
                                            "keygen", "passwd", "doctor",     "top"};

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
  if (std::ranges::find(kNotBuilt, command) != kNotBuilt.end())
    return refuse(fmt::format("{} is not built yet", command));
  std::vector<std::string> known = kNotBuilt;
  known.emplace_back("check");
  const auto near = nearest_word(command, known);
  return refuse(near ? fmt::format("unknown command '{}': did you mean {}?", command, *near)
                     : fmt::format("unknown command '{}'", command));
}
