#include "proxy/config/named_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

namespace hapair::proxy {

Result<std::string> read_named_file(const std::string& path) {
  // Not blocking: a pipe without a writer would keep us waiting for ever.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail_errno(errno, "cannot read {}", path);
  std::string text;
  std::array<char, 16384> piece;
  ssize_t got = 0;
  while (text.size() <= kLargestNamedFile && (got = read(fd, piece.data(), piece.size())) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  const int reason = errno;
  close(fd);
  if (got < 0) return fail_errno(reason, "cannot read {}", path);
  if (text.size() > kLargestNamedFile) return fail(Errc::Range, "cannot read {}: larger than 1 MiB", path);
  return text;
}

std::string beside(const std::string& file, const std::string& path) {
  return (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
}

}  // namespace hapair::proxy
