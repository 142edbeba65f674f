#include "common/loop/log_sink.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "common/loop/log_console.h"
#include "common/loop/log_datagrams.h"
#include "common/loop/log_file.h"
#include "common/loop/log_stream.h"

namespace hapair {

Result<void> check_log_target(const LogTarget& target) {
  if (target.transport != LogTarget::Transport::File) return {};
  const int fd = open_log_file(target.path);
  if (fd < 0) return fail_errno(errno, "log target {}", target.name());
  ::close(fd);
  return {};
}

std::unique_ptr<LogSink> open_log_sink(Loop& loop, const LogTarget& target,
                                       const LogSpeaker& speaker) {
  using Transport = LogTarget::Transport;
  switch (target.transport) {
    case Transport::Udp:
    case Transport::UnixDatagram:
    case Transport::Journal: return std::make_unique<LogDatagrams>(target, speaker);
    case Transport::Tcp:
    case Transport::UnixStream: return std::make_unique<LogStream>(loop, target, speaker);
    case Transport::Stderr:
    case Transport::Stdout: return std::make_unique<LogConsole>(target, speaker);
    case Transport::File: return std::make_unique<LogFile>(loop, target, speaker);
  }
  std::abort();  // every transport is named above
}

}  // namespace hapair
