#include "proxy/runtime/splice_pipe.h"

#include <fcntl.h>
#include <unistd.h>

namespace hapair::proxy {
std::unique_ptr<SplicePipe> SplicePipe::make() {
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return nullptr;
  ::fcntl(ends[0], F_SETPIPE_SZ, kSize);
  return std::unique_ptr<SplicePipe>(new SplicePipe(ends[0], ends[1]));
}

SplicePipe::~SplicePipe() {
  ::close(out_);
  ::close(in_);
}

long SplicePipe::fill(int socket, std::size_t most) {
  const long moved =
      ::splice(socket, nullptr, in_, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (moved > 0) held_ += static_cast<std::size_t>(moved);
  return moved;
}

long SplicePipe::drain(int socket) {
  const long moved =
      ::splice(out_, nullptr, socket, nullptr, held_, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (moved > 0) held_ -= static_cast<std::size_t>(moved);
  return moved;
}

std::unique_ptr<SplicePipe> PipePool::take() {
  if (pipes_.empty()) {
    if (made_ == kMost) return nullptr;
    auto pipe = SplicePipe::make();
    if (pipe) ++made_;
    return pipe;
  }
  auto pipe = std::move(pipes_.back());
  pipes_.pop_back();
  return pipe;
}

void PipePool::give(std::unique_ptr<SplicePipe> pipe) {
  if (pipe->held() == 0) {
    pipes_.push_back(std::move(pipe));
  } else {
    --made_;
  }
}

}  // namespace hapair::proxy
