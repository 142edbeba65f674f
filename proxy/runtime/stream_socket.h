// A connected stream socket that is never waited for: what it will not take is kept until it does.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/address.h"
#include "common/loop/loop.h"
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

  /// Takes an accepted descriptor and has `watcher` hear of bytes and of the end; of room to write
  /// only once there was none: most connections never lack it, and each would hear of it in vain.
  void adopt(int fd, Loop& loop, Watcher& watcher);
  /// The same for one that is being connected: `watcher` hears of room to write when it is.
  void adopt_connecting(int fd, Loop& loop, Watcher& watcher);
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  /// Its own end. Asks the kernel.
  SocketAddress local_address() const;
  /// Closes; with `reset`, so that the peer sees an error rather than an end.
  void close(bool reset = false);

  /// Sends the packet that open_stream() has held back. What is written does that, too.
  void complete_handshake();

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
  /// The kernel holds bytes that nobody has read, not only an end. Asks it.
  bool has_unread_bytes() const;

  /// Sends, and keeps what the kernel does not take. False if the connection is broken. `last` says
  /// that close() or shutdown_write() follows at once: the end goes out in one packet with the bytes.
  bool write(std::span<iovec> pieces, bool last = false);
  bool write(std::string_view bytes, bool last = false);
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
  /// As to Nagle's algorithm. Only what follows unacknowledged bytes is ever held back, so a
  /// connection whose first write is its only one needs no word about it.
  enum class Nagle : std::uint8_t { Off, Unwritten, Written };

  void keep(std::span<const iovec> pieces, std::size_t skip);
  bool drain_pipe();
  void await_room();
  void before_write() {
    if (nagle_ != Nagle::Off) step_nagle();
  }
  void step_nagle();

  BufferPool& buffers_;
  Loop* loop_ = nullptr;
  Watcher* watcher_ = nullptr;
  int fd_ = -1;
  Nagle nagle_ = Nagle::Off;  // accepted sockets have it from their listener
  bool hears_of_room_ = false;
  bool readable_ = false;
  bool ended_ = false;
  std::unique_ptr<std::string> spill_;
  std::size_t sent_ = 0;  // bytes of spill_ that are out already
  std::unique_ptr<SplicePipe> pipe_;  // holds bytes on their way out; goes before spill_
};

}  // namespace hapair::proxy
