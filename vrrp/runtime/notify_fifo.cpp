#include "vrrp/runtime/notify_fifo.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace hapair::vrrp {

Result<NotifyFifo> NotifyFifo::open(const std::string& path, Logger& log) {
  if (::mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) {
    const int reason = errno;
    return fail_errno(reason, "cannot make the FIFO {}{}", path,
                      reason == ENOENT ? " (its folder must be there)" : "");
  }
  // For reading too: the pipe lives, and keeps what is written, while there is no reader, and a reader
  // who goes away is no error.
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "cannot open the FIFO {}", path);
  struct stat file{};
  if (::fstat(fd.value(), &file) != 0 || !S_ISFIFO(file.st_mode))
    return fail(Errc::System, "{} is there, and is no FIFO: remove it, or name another", path);
  return NotifyFifo(path, std::move(fd), log);
}

void NotifyFifo::write(std::string_view line, TimePoint now) {
  // No more than PIPE_BUF, so that the kernel takes all of it or nothing (pipe(7)).
  if (::write(fd_.value(), line.data(), line.size()) >= 0) return;
  const int reason = errno;
  if (const auto lost = losses_.take(now))
    log_->log(Severity::Warning, "{}: {} lost: {} ({} since the last such line)", path_,
              line.substr(0, line.size() - 1),
              reason == EAGAIN ? "nobody reads it, and it is full"
                               : std::generic_category().message(reason),
              *lost);
}

}  // namespace hapair::vrrp
