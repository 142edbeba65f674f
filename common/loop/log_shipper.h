// Carries log lines to their targets in batches, without ever blocking.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/log.h"
#include "common/log_form.h"
#include "common/loop/loop.h"

namespace hapair {

/// Sends what was written during a turn of the loop at the end of that turn, many datagrams a
/// system call. What the kernel will not take is dropped and counted. One per thread.
class LogShipper final : public Logger {
 public:
  LogShipper(Loop& loop, std::vector<LogTarget> targets, std::string tag);
  ~LogShipper() override;

  void write(Severity severity, std::string_view text) override;

  /// Where the text of a line may be written, `most` bytes at most; null if no target wants lines of
  /// this severity. The text must hold no control bytes. Say where it ends with end_line() before
  /// anything else is asked of the shipper.
  char* begin_line(Severity severity, std::size_t most);
  void end_line(char* end);
  /// More of a text than this is cut by every target.
  std::size_t longest() const { return longest_; }

  /// Sends what is waiting now (at exit, or when memory presses).
  void flush();
  /// The calendar time, read once a turn of the loop.
  WallTime now();
  /// Lines that could not be delivered since the start.
  std::uint64_t dropped() const { return dropped_; }
  /// True if some target wants lines of this severity: lets callers skip formatting.
  bool wants(Severity severity) const { return severity <= most_verbose_; }

 private:
  struct Sink;
  char* begin_in(Sink& sink, Severity severity, std::size_t most);

  std::vector<std::unique_ptr<Sink>> sinks_;
  Severity most_verbose_ = Severity::Emergency;
  std::size_t longest_ = 0;
  WallTime now_{};  // zero: not read in this turn
  std::uint64_t dropped_ = 0;

  // The line that is being written.
  Severity severity_ = Severity::Debug;
  std::size_t first_ = 0;  // the sink whose buffer it is written in
  char* text_ = nullptr;
};

}  // namespace hapair
