// What the files of the command line ask of the daemon.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/config_reader.h"
#include "common/options.h"
#include "vrrp/runtime/prepared_script.h"
#include "vrrp/runtime/task.h"

namespace hapair::vrrp {

struct Loaded {
  std::optional<Task> task;  // absent: there are errors
  Diagnostics found;
  std::string error;  // not in the files of the command line
  PreparedScripts scripts;
  std::vector<std::string> warnings;  // of the scripts
};

/// The files, and those with secrets that they name. `scripts` stays empty.
Loaded load(const DaemonOptions& options);
/// For a daemon that runs, with its scripts: on a thread that may wait for files and accounts.
Loaded load_again(const DaemonOptions& options);

}  // namespace hapair::vrrp
