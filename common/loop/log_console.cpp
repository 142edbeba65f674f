#include "common/loop/log_console.h"

#include <poll.h>
#include <unistd.h>

#include <climits>

namespace hapair {

LogSink::Outcome LogConsole::flush() {
  const int fd =
      target.transport == LogTarget::Transport::Stderr ? STDERR_FILENO : STDOUT_FILENO;
  std::uint64_t lost = 0;
  for (std::size_t first = 0; first < batch.lines();) {
    // Lines that a pipe takes in one piece: none of them is mixed with somebody else's.
    std::size_t last = first + 1;
    while (last < batch.lines() && batch.run(first, last + 1).size() <= PIPE_BUF) ++last;
    const std::string_view lines = batch.run(first, last);
    pollfd stream{.fd = fd, .events = POLLOUT, .revents = 0};
    const bool room = ::poll(&stream, 1, 0) == 1 && (stream.revents & POLLOUT);
    if (!room || ::write(fd, lines.data(), lines.size()) < 0) lost += last - first;
    first = last;
  }
  const bool taken = lost == 0 && !batch.empty();
  batch.clear();
  return {lost, taken};
}

}  // namespace hapair
