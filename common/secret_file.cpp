#include "common/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace hapair {
namespace {

constexpr std::size_t kLongest = 64 * 1024;

}  // namespace

Result<std::string> read_secret_file(const std::string& path, std::string_view what) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return fail(Errc::NotFound, "there is no {} {}", what, path);
  if (fd < 0) return fail_errno(errno, "cannot read the {} {}", what, path);
  struct stat status {};
  std::string text(kLongest, '\0');
  const bool known = ::fstat(fd, &status) == 0;
  const ssize_t size = ::read(fd, text.data(), text.size());
  const int error_number = errno;
  ::close(fd);
  if (!known || size < 0) return fail_errno(error_number, "cannot read the {} {}", what, path);
  if (status.st_mode & 07)
    return fail(Errc::Denied, "everybody may read the {} {}: chmod 0640 {}", what, path, path);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

Result<std::string> read_secret_line(const std::string& path, std::string_view what) {
  auto text = read_secret_file(path, what);
  if (!text) return text;
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (text->empty()) return fail(Errc::Syntax, "the {} {} is empty", what, path);
  if (text->find_first_of(std::string_view("\r\n\0", 3)) != text->npos)
    return fail(Errc::Syntax, "the {} {} has more than one line", what, path);
  return text;
}

}  // namespace hapair
