// A small file in the daemon's run directory, for what outlives the process but not the machine's
// run.
#pragma once

#include <string>
#include <string_view>

#include "common/log.h"

namespace hapair::vrrp {

/// The folder is made when there is none. It is on a tmpfs: nothing here waits for a disk.
class RunFile {
 public:
  /// The logger must outlive it.
  RunFile(std::string folder, std::string_view name, Logger& log);

  /// All of it; empty: there is none. What is there and cannot be read is told.
  std::string read() const;
  /// Whoever reads meanwhile, or after this process was killed in the middle, sees all of the old
  /// text or all of the new. A failure is told once, until it works again.
  void write(std::string_view text);

 private:
  std::string folder_;
  std::string path_;
  Logger& log_;
  bool fails_ = false;
};

/// Good as well if there is one.
Result<void> make_run_directory(const std::string& path);

}  // namespace hapair::vrrp
