// Pipes through which the kernel moves bytes from one socket to another without showing them to us.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace hapair::proxy {

/// A pipe and how many bytes stand in it.
class SplicePipe {
 public:
  /// Four times the kernel's default: a quarter of the system calls. An unprivileged process may be
  /// refused it (fs.pipe-user-pages-soft) and keeps the default then.
  static constexpr int kSize = 256 * 1024;

  /// Null if the kernel gives none: the caller copies instead.
  static std::unique_ptr<SplicePipe> make();
  SplicePipe(const SplicePipe&) = delete;
  SplicePipe& operator=(const SplicePipe&) = delete;
  ~SplicePipe();

  std::size_t held() const { return held_; }
  /// Moves up to `most` bytes from the socket into the empty pipe. As read(2): 0 at the end, -1 and
  /// errno (EAGAIN: the socket has nothing).
  long fill(int socket, std::size_t most);
  /// Moves what it holds to the socket. -1 and errno (EAGAIN: the socket takes no more now).
  long drain(int socket);

 private:
  SplicePipe(int out, int in) : out_(out), in_(in) {}

  int out_;  // read end
  int in_;   // write end
  std::size_t held_ = 0;
};

/// One worker's pipes. Only empty ones come back; one that still holds bytes is closed with them.
class PipePool {
 public:
  /// In use and kept together: a pipe takes two descriptors and up to SplicePipe::kSize of the
  /// kernel's memory for as long as a slow client leaves it full.
  static constexpr unsigned kMost = 64;

  /// Null when there are no more: the caller copies instead.
  std::unique_ptr<SplicePipe> take();
  void give(std::unique_ptr<SplicePipe> pipe);

 private:
  unsigned made_ = 0;
  std::vector<std::unique_ptr<SplicePipe>> pipes_;
};

}  // namespace hapair::proxy
