#include "vrrp/runtime/run_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {
namespace {

constexpr mode_t kFolderMode = 0750, kFileMode = 0640;
constexpr std::size_t kLargest = 1 << 20;  // bytes

/// What stands at `path` is not looked at, so that nobody can lead us elsewhere.
Result<void> create(const std::string& path, std::string_view text) {
  ::unlink(path.c_str());
  const FileDescriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!fd) return fail_errno(errno, "cannot make {}", path);
  while (!text.empty()) {
    const ssize_t written = ::write(fd.value(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail_errno(errno, "cannot write {}", path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> replace(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  return create(fresh, text).and_then([&]() -> Result<void> {
    if (::rename(fresh.c_str(), path.c_str()) == 0) return {};
    return fail_errno(errno, "cannot replace {}", path);
  });
}

}  // namespace

Result<void> make_run_directory(const std::string& path) {
  if (::mkdir(path.c_str(), kFolderMode) == 0 || errno == EEXIST) return {};
  return fail_errno(errno, "cannot make the folder {} ([vrrp] run_directory)", path);
}

RunFile::RunFile(std::string folder, std::string_view name, Logger& log)
    : folder_(std::move(folder)), path_(fmt::format("{}/{}", folder_, name)), log_(log) {}

std::string RunFile::read() const {
  std::string text(kLargest, '\0');
  // Somebody's pipe of that name must not make us wait.
  const FileDescriptor fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  const ssize_t size = fd ? ::read(fd.value(), text.data(), text.size()) : -1;
  if (size < 0 && errno != ENOENT)
    log_.write(Severity::Warning,
               fail_errno(errno, "going on without {}: cannot read it", path_).value().message);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

void RunFile::write(std::string_view text) {
  const auto written = make_run_directory(folder_).and_then([&] { return replace(path_, text); });
  if (!written && !fails_)
    log_.log(Severity::Warning, "{}; what it is for does not outlive this process",
             written.error().message);
  fails_ = !written;
}

}  // namespace hapair::vrrp
