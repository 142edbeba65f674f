// A FIFO whose readers are told of changes.
#pragma once

#include <string>
#include <string_view>

#include "common/log.h"
#include "vrrp/core/line_limit.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// Never blocks: what nobody takes stays in the pipe while it has room (64 KiB), so that a reader who
/// comes late hears what he missed, and is lost after that, which is counted and told. Lives on one
/// thread.
class NotifyFifo {
 public:
  /// Makes it, for the daemon's user alone (mode 0600), if it is not there; whoever wants others to
  /// read makes it before. It stays when the daemon ends, so that its readers need not look for
  /// another. An error names what is in the way.
  static Result<NotifyFifo> open(const std::string& path, Logger& log);

  const std::string& path() const { return path_; }
  /// `line` ends in a line feed and reaches its readers whole or not at all.
  void write(std::string_view line, TimePoint now);

 private:
  NotifyFifo(std::string path, FileDescriptor fd, Logger& log)
      : path_(std::move(path)), fd_(std::move(fd)), log_(&log) {}

  std::string path_;
  FileDescriptor fd_;
  Logger* log_;
  LineLimit losses_;
};

}  // namespace hapair::vrrp
