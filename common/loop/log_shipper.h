// Carries log lines to their targets in batches, without ever blocking.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/log.h"
#include "common/log_form.h"
#include "common/loop/log_sink.h"
#include "common/loop/loop.h"

namespace hapair {

/// Sends what was written during a turn of the loop at the end of that turn, many lines a system
/// call. What a target will not take is dropped and counted, and the target is told how many it
/// missed once it takes lines again. One per thread.
class LogShipper final : public Logger {
 public:
  /// `targets` take what is written with write().
  LogShipper(Loop& loop, const std::vector<LogTarget>& targets, std::string tag);
  ~LogShipper() override;

  /// The set of these targets; equal ones are opened once. Of more than 64 at a time the
  /// rest gets nothing, which is said.
  LogRoute open(const std::vector<LogTarget>& targets);
  /// Takes an open() back: targets that no route leads to any more are closed.
  void close(LogRoute route);
  /// write() goes to these from now on. Those that stay keep their connections.
  void redirect(const std::vector<LogTarget>& targets);
  /// Where write() goes.
  LogRoute main_route() const { return main_; }

  void write(Severity severity, std::string_view text) override;

  /// Where the text of a line may be written, `most` bytes at most; null if no target of the route
  /// wants it, because of its severity or because it takes a sample alone. The text must hold no
  /// control bytes. Say where it ends with end_line() before anything else is asked of the shipper.
  char* begin_line(LogRoute route, Severity severity, std::size_t most);
  void end_line(char* end);
  /// True if some target of the route wants lines of this severity: lets callers skip formatting.
  bool wants(LogRoute route, Severity severity) const {
    return (route & wanting_[static_cast<std::size_t>(severity)]) != 0;
  }
  /// More of a text than this is cut by every target.
  std::size_t longest() const { return longest_; }

  /// As much text fits into a line of every target of the route.
  std::size_t shortest_text(LogRoute route) const;

  /// Sends what is waiting now (when memory presses).
  void flush();
  /// As flush(), at the end of the process: may wait a moment for targets that were slow.
  void finish();
  /// The calendar time, read once a turn of the loop.
  WallTime now();
  /// Lines that could not be delivered since the start. Thread-safe.
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kMostSinks = 64;

  char* begin_on(LogRoute wanted, Severity severity, std::size_t most);
  char* begin_in(LogSink& sink, Severity severity, std::size_t most);
  void flush(LogSink& sink);
  void note_loss(LogSink& sink, std::uint64_t lines);
  void tell_of_loss(LogSink& sink);
  void index_sinks();

  Loop& loop_;
  LogSpeaker speaker_;
  std::array<std::unique_ptr<LogSink>, kMostSinks> sinks_;  // bit i of a route is sinks_[i]
  LogRoute opened_ = 0;
  LogRoute sampled_ = 0;                  // those that take a sample of the access lines
  std::array<LogRoute, 8> wanting_{};     // by severity
  LogRoute main_ = 0;
  std::size_t longest_ = 0;
  WallTime now_{};  // zero: not read in this turn
  std::atomic<std::uint64_t> dropped_ = 0;

  // The line that is being written.
  Severity severity_ = Severity::Debug;
  LogRoute line_route_ = 0;
  char* text_ = nullptr;  // in the buffer of the route's first target
};

}  // namespace hapair
