// Log lines on standard error or standard output.
#pragma once

#include "common/loop/log_sink.h"

namespace hapair {

/// May be a pipe that nobody reads or a stopped terminal. The description is shared with others, so
/// it stays blocking; bytes go out only while there is room for them.
class LogConsole final : public LogSink {
 public:
  using LogSink::LogSink;
  Outcome flush() override;
};

}  // namespace hapair
