#include "vrrp/net/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

Result<std::string> read_small_file(const std::string& path) {
  // Without waiting: it may be a pipe.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file && (errno == ENOENT || errno == ENOTDIR))
    return fail(Errc::NotFound, "there is no {}", path);
  if (!file) return fail_errno(errno, "cannot read {}", path);
  struct stat status {};
  if (::fstat(file.value(), &status) != 0) return fail_errno(errno, "cannot read {}", path);
  if (!S_ISREG(status.st_mode)) return fail(Errc::Unsupported, "{} is not a regular file", path);
  std::array<char, 64> buffer{};
  const ssize_t size = ::read(file.value(), buffer.data(), buffer.size());
  if (size < 0) return fail_errno(errno, "cannot read {}", path);
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

}  // namespace hapair::vrrp
