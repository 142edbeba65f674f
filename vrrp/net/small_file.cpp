#include "vrrp/net/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

SmallFile read_small_file(const std::string& path) {
  // Without waiting: it may be a pipe.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || ::fstat(file.value(), &status) != 0) return {.error = errno};
  if (!S_ISREG(status.st_mode)) return {.is_regular = false};
  SmallFile out;
  const ssize_t size = ::read(file.value(), out.bytes.data(), out.bytes.size());
  if (size < 0) return {.error = errno};
  out.size = static_cast<std::size_t>(size);
  return out;
}

Result<std::string> SmallFile::text(const std::string& path) const {
  if (error == ENOENT || error == ENOTDIR) return fail(Errc::NotFound, "there is no {}", path);
  if (error != 0) return fail_errno(error, "cannot read {}", path);
  if (!is_regular) return fail(Errc::Unsupported, "{} is not a regular file", path);
  return std::string(bytes.data(), size);
}

}  // namespace hapair::vrrp
