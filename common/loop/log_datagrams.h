// Log lines as datagrams: UDP, a Unix socket such as /dev/log, the journal.
#pragma once

#include "common/loop/log_sink.h"

namespace hapair {

/// Many datagrams a system call. What the kernel will not take is lost.
class LogDatagrams final : public LogSink {
 public:
  LogDatagrams(const LogTarget& where, const LogSpeaker& speaker);
  ~LogDatagrams() override;
  Outcome flush() override;

 private:
  bool connect();

  int fd_ = -1;
};

}  // namespace hapair
