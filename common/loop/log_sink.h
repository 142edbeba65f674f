// One log target: its lines on their way out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/log_batch.h"
#include "common/log_form.h"
#include "common/loop/loop.h"

namespace hapair {

/// Lines are written into `batch` during a turn of the loop and leave at its end. Nothing here ever
/// blocks the loop's thread: what a target does not take is kept up to a bound, or lost and counted.
class LogSink {
 public:
  LogSink(LogTarget where, const LogSpeaker& speaker) : target(std::move(where)), form(target, speaker) {}
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;
  virtual ~LogSink() = default;

  /// What is known to have become of lines since it was asked last.
  struct Outcome {
    std::uint64_t lost = 0;
    bool taken = false;  // there were some, and as far as can be known all of them will arrive
  };
  /// Sends what can be sent at once.
  virtual Outcome flush() = 0;
  /// As flush(), at the end of the process: may take a moment for what else would be lost. Answers
  /// how many lines were lost.
  virtual std::uint64_t finish() { return flush().lost; }
  /// As flush(), before it is closed while its thread goes on: waits for nobody at the other end of a
  /// connection.
  virtual std::uint64_t leave() { return finish(); }

  /// Whether this access line is among those the target wants to see.
  bool is_sampled() {
    const bool taken = turn_ < target.sample.take;
    if (++turn_ == target.sample.of) turn_ = 0;
    return taken;
  }

  const LogTarget target;
  LogForm form;
  LogBatch batch;

  // What LogShipper knows of it.
  unsigned users = 0;            // routes that lead here
  std::size_t flush_at = 0;      // so many bytes do not wait for the end of the turn
  std::uint64_t untold = 0;      // lost, and nobody was told
  TimePoint well_since = kNever;  // it takes lines again; kNever: not since the last loss

 private:
  unsigned turn_ = 0;
};

/// An error if lines could never get there: a file that cannot be opened by this user. Whoever is
/// away may come. Makes nothing.
Result<void> check_log_target(const LogTarget& target);

/// Opens `target`; one that cannot be reached yet is tried again. The loop must outlive the sink.
std::unique_ptr<LogSink> open_log_sink(Loop& loop, const LogTarget& target,
                                       const LogSpeaker& speaker);

}  // namespace hapair
