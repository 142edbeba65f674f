#include "common/loop/log_sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "common/loop/log_console.h"
#include "common/loop/log_datagrams.h"
#include "common/loop/log_file.h"
#include "common/loop/log_stream.h"

namespace hapair {

Result<void> check_log_target(const LogTarget& target) {
  if (target.transport != LogTarget::Transport::File) return {};
  const int fd =
      ::open(target.path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd >= 0) {
    ::close(fd);
    return {};
  }
  const std::size_t folder = std::max(target.path.rfind('/'), std::size_t{1});
  if (errno == ENOENT &&
      ::faccessat(AT_FDCWD, target.path.substr(0, folder).c_str(), W_OK | X_OK, AT_EACCESS) == 0)
    return {};
  const int error_number = errno;
  return fail(Errc::System,
              "log target {}: {}: its folder must be there, and this user able to write to it",
              target.name(), std::generic_category().message(error_number));
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
