// The command line that both daemons share.
#pragma once

#include <string>
#include <vector>

#include "common/error.h"

namespace hapair {

struct DaemonOptions {
  std::vector<std::string> files;  // default: /etc/hapair/hapair.toml
  std::string node;                // default: the host name up to the first dot
  std::string pidfile;             // empty: none given
  bool check = false;
  bool daemonize = false;
  bool debug = false;    // foreground, debug log on stderr
  bool version = false;
  bool help = false;
};

/// Reads argv[1..]. The error names the option and points to --help.
Result<DaemonOptions> parse_options(int argc, char** argv);

/// What --help prints for `program` ("hapair-proxy"), whose purpose is `summary`. `signals`: the
/// lines on those that the daemons obey each in its own way.
std::string help_text(std::string_view program, std::string_view summary, std::string_view signals);

/// "hapair-proxy 0.1.0".
std::string version_text(std::string_view program);

}  // namespace hapair
