#include "ctl/keygen.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/key_ring.h"

namespace hapair::ctl {
namespace {

struct File {
  int fd = -1;
  ~File() {
    if (fd >= 0) ::close(fd);
  }
};

bool write_whole(int fd, const std::string& text) {
  return ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
         ::fsync(fd) == 0;
}

/// Whether the last line has its end.
bool ends_with_newline(int fd, off_t size) {
  char last = '\n';
  return size == 0 || (::pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

}  // namespace

Result<void> make_key_file(const std::string& path, std::uint8_t id) {
  constexpr mode_t kMode = 0600;
  const File file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode)};
  if (file.fd < 0 && errno == EEXIST)
    return fail(Errc::System,
                "{} is there already and stays as it is; `hapair keygen --add {}` adds a key to it",
                path, path);
  if (file.fd < 0) return fail_errno(errno, "cannot make {}", path);
  if (::fchmod(file.fd, kMode) == 0 && write_whole(file.fd, make_key_line(id))) return {};
  const int error_number = errno;
  ::unlink(path.c_str());
  return fail_errno(error_number, "cannot write {}", path);
}

Result<std::uint8_t> add_key(const std::string& path, std::optional<std::uint8_t> id) {
  const auto ring = read_key_ring(path);
  if (!ring) return tl::make_unexpected(ring.error());
  if (id && ring->find(*id)) return fail(Errc::Range, "{} has a key {} already", path, *id);
  int free = 1;
  while (free < 256 && ring->find(static_cast<std::uint8_t>(free))) ++free;
  if (!id && free == 256) return fail(Errc::Range, "{} has keys with all ids from 1 to 255", path);
  const std::uint8_t chosen = id.value_or(static_cast<std::uint8_t>(free));

  const File file{::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC)};
  struct stat status {};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0)
    return fail_errno(errno, "cannot write {}", path);
  const std::string_view before = ends_with_newline(file.fd, status.st_size) ? "" : "\n";
  if (write_whole(file.fd, fmt::format("{}{}", before, make_key_line(chosen)))) return chosen;
  const int error_number = errno;
  // Half a key would make the whole file unreadable.
  if (::ftruncate(file.fd, status.st_size) != 0)
    return fail_errno(errno, "{} ends with half a key now, which must be removed", path);
  return fail_errno(error_number, "cannot write {}", path);
}

}  // namespace hapair::ctl
