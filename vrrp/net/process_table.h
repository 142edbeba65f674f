// The processes of this host, as /proc shows them.
#pragma once

#include <dirent.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// Goes through all processes once, a few at a time. /proc answers without waiting for anything.
class ProcessSearch {
 public:
  static Result<ProcessSearch> begin();
  /// Of the next `most` processes those whose name the kernel keeps as `name`; nothing when there
  /// are no more.
  std::optional<std::vector<int>> next(std::size_t most, const std::string& name);

 private:
  struct Closer {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  std::unique_ptr<DIR, Closer> folder_;
};

/// Becomes readable when the process ends. `name`: it must still be called so; empty: whatever it
/// is called. Errc::NotFound if it is not, or has ended: a process that only waits to be collected
/// runs no more.
Result<FileDescriptor> watch_process(int pid, const std::string& name);

}  // namespace hapair::vrrp
