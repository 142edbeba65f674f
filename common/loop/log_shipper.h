// Carries log lines to their targets in batches, without ever blocking.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/log.h"
#include "common/loop/loop.h"

namespace hapair {

/// Sends what was written during a turn of the loop at the end of that turn, many datagrams a
/// system call. What the kernel will not take is dropped and counted. One per thread.
class LogShipper final : public Logger {
 public:
  LogShipper(Loop& loop, std::vector<LogTarget> targets, std::string tag);
  ~LogShipper() override;

  void write(Severity severity, std::string_view text) override;
  /// Sends what is waiting now (at exit, or when memory presses).
  void flush();
  /// Lines that could not be delivered since the start.
  std::uint64_t dropped() const { return dropped_; }
  /// True if some target wants lines of this severity: lets callers skip formatting.
  bool wants(Severity severity) const { return severity <= most_verbose_; }

 private:
  struct Sink;
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::string tag_;
  int pid_;
  Severity most_verbose_ = Severity::Emergency;
  Rfc3164Clock clock_;
  std::uint64_t dropped_ = 0;
};

}  // namespace hapair
