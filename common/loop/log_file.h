// Log lines in a file.
#pragma once

#include <memory>

#include "common/loop/log_sink.h"

namespace hapair {

/// To write at its end, made if there is none. -1 and errno if it cannot be.
int open_log_file(const std::string& path);

/// A disk may take its time, so another thread writes, one batch after the other. Meanwhile lines
/// are kept up to a bound. A file that was renamed or removed (logrotate) is opened anew under its
/// name within a second of the next line, and within five without one.
class LogFile final : public LogSink {
 public:
  LogFile(Loop& loop, const LogTarget& where, const LogSpeaker& speaker);
  ~LogFile() override;
  Outcome flush() override;
  std::uint64_t finish() override;

 private:
  struct Writer;
  void hand_over();
  void look();

  Loop& loop_;
  std::shared_ptr<Writer> writer_;  // also held by the work that is under way
  Timer look_timer_;
};

}  // namespace hapair
