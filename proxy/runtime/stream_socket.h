// A connected stream socket that is never waited for: what it will not take is kept until it does.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "proxy/runtime/buffer_pool.h"

namespace hapair::proxy {

/// Both kinds of connection (to clients, to servers) are built on it. Edge-triggered: `readable`
/// stays true until the kernel has given all it had.
class StreamSocket {
 public:
  explicit StreamSocket(BufferPool& buffers) : buffers_(buffers) {}
  StreamSocket(const StreamSocket&) = delete;
  StreamSocket& operator=(const StreamSocket&) = delete;
  ~StreamSocket();

  void adopt(int fd) { fd_ = fd; }
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  /// Closes; with `reset`, so that the peer sees an error rather than an end.
  void close(bool reset = false);

  /// Takes note of EPOLL* bits.
  void on_events(std::uint32_t events);

  enum class Read { Bytes, Nothing, End, Failed, NoPipe };  // NoPipe: only of splice_from
  struct ReadResult {
    Read kind;
    std::size_t size = 0;
  };
  ReadResult read(char* into, std::size_t capacity);
  bool is_readable() const { return readable_; }
  /// The peer has sent its FIN (it may be behind unread bytes).
  bool saw_end() const { return ended_; }

  /// True if the kernel holds bytes or an end that nobody has read. Asks it only when in doubt.
  bool has_unread();

  /// Sends, and keeps what the kernel does not take. False if the connection is broken.
  bool write(std::span<iovec> pieces);
  bool write(std::string_view bytes);
  /// Moves up to `most` bytes that stand in `source` to this socket inside the kernel, and keeps
  /// what it does not take. Only while there is no output. `broken` says that this socket is.
  ReadResult splice_from(StreamSocket& source, std::size_t most, bool& broken);
  /// Sends what was kept. False if the connection is broken.
  bool flush();
  bool has_output() const { return spill_ != nullptr || pipe_ != nullptr; }
  std::size_t output_size() const {
    return (spill_ ? spill_->size() - sent_ : 0) + (pipe_ ? pipe_->held() : 0);
  }
  /// Everything written has been taken by the kernel and no more will come.
  void shutdown_write();

 private:
  void keep(std::span<const iovec> pieces, std::size_t skip);
  bool drain_pipe();

  BufferPool& buffers_;
  int fd_ = -1;
  bool readable_ = false;
  bool ended_ = false;
  std::unique_ptr<std::string> spill_;
  std::size_t sent_ = 0;  // bytes of spill_ that are out already
  std::unique_ptr<SplicePipe> pipe_;  // holds bytes on their way out; goes before spill_
};

}  // namespace hapair::proxy
