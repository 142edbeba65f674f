#include "vrrp/net/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace hapair::vrrp {
namespace {

constexpr std::uint32_t kWritten = IN_CLOSE_WRITE | IN_MOVED_TO;
constexpr std::uint32_t kOfFolder =
    kWritten | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
// IN_ATTRIB: the last link to what we watch may be gone, while somebody has it open.
constexpr std::uint32_t kOfFile = IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

FileWatch::FileWatch(FileDescriptor fd, std::string path)
    : fd_(std::move(fd)), path_(std::move(path)) {
  const std::size_t slash = path_.rfind('/');
  folder_ = slash == 0 ? "/" : path_.substr(0, slash);
  name_ = path_.substr(slash + 1);
}

Result<FileWatch> FileWatch::open(std::string path) {
  FileDescriptor fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) return fail_errno(errno, "cannot watch {} (sysctl fs.inotify.max_user_instances)", path);
  return FileWatch(std::move(fd), std::move(path));
}

bool FileWatch::place() {
  const int folder = ::inotify_add_watch(fd_.value(), folder_.c_str(), kOfFolder);
  const int file = ::inotify_add_watch(fd_.value(), path_.c_str(), kOfFile);
  // Nothing is told of a watch that the kernel has ended itself.
  if (file_ >= 0 && file_ != file) ::inotify_rm_watch(fd_.value(), file_);
  file_ = file;
  return folder >= 0;
}

std::optional<FileWatch::News> FileWatch::take() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  const ssize_t size = ::read(fd_.value(), buffer.data(), buffer.size());
  if (size <= 0) return std::nullopt;
  News news = News::None;
  for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
    inotify_event event{};
    std::memcpy(&event, &buffer[at], sizeof event);
    // Of the file itself, or of the folder as a whole, there is no name. That a watch ended was
    // told by what ended it, or is our own doing.
    const bool ours =
        event.len == 0 ? !(event.mask & IN_IGNORED) : name_ == &buffer[at + sizeof event];
    if (ours && (event.mask & kWritten))
      news = News::Written;
    else if (ours && news == News::None)
      news = News::Touched;
    at += sizeof event + event.len;
  }
  return news;
}

}  // namespace hapair::vrrp
