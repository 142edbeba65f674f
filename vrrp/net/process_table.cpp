#include "vrrp/net/process_table.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/text.h"

namespace hapair::vrrp {
namespace {

/// As the kernel keeps it; empty if there is no such process.
std::string name_of(int pid) {
  const FileDescriptor file(
      ::open(fmt::format("/proc/{}/comm", pid).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 64> buffer{};
  const ssize_t size = file ? ::read(file.value(), buffer.data(), buffer.size()) : 0;
  if (size <= 0) return {};
  return std::string(buffer.data(), static_cast<std::size_t>(size) - 1);  // it ends a line
}

}  // namespace

Result<ProcessSearch> ProcessSearch::begin() {
  ProcessSearch search;
  search.folder_.reset(::opendir("/proc"));
  if (!search.folder_) return fail_errno(errno, "cannot list the processes: /proc");
  return search;
}

std::optional<std::vector<int>> ProcessSearch::next(std::size_t most, const std::string& name) {
  std::vector<int> found;
  for (std::size_t seen = 0; seen < most; ++seen) {
    const dirent* entry = ::readdir(folder_.get());
    if (!entry) {
      if (seen == 0) return std::nullopt;
      break;
    }
    const auto pid = parse_number<int>(entry->d_name);
    if (pid && name_of(*pid) == name) found.push_back(*pid);
  }
  return found;
}

Result<FileDescriptor> watch_process(int pid, const std::string& name) {
  FileDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process && (errno == ESRCH || errno == EINVAL))
    return fail(Errc::NotFound, "there is no process {}", pid);
  if (!process) return fail_errno(errno, "cannot watch process {}", pid);
  pollfd ended{.fd = process.value(), .events = POLLIN, .revents = 0};
  if (::poll(&ended, 1, 0) != 0) return fail(Errc::NotFound, "process {} has ended", pid);
  // Asked when it can be no other any more.
  if (!name.empty() && name_of(pid) != name)
    return fail(Errc::NotFound, "process {} is not {}", pid, name);
  return process;
}

}  // namespace hapair::vrrp
