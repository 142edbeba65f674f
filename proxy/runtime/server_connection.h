// One connection to a server: made, used by one request at a time, kept for the next.
#pragma once

#include <cstdint>
#include <optional>

#include "common/address.h"
#include "proxy/config/approach.h"
#include "common/clock.h"
#include "common/loop/loop.h"
#include "proxy/runtime/stream_socket.h"

namespace hapair::proxy {

class ServerPool;

/// Who uses a server connection. The calls come from the loop; any of them may release or close it.
class ServerUser {
 public:
  /// What is written now completes the handshake; who has nothing to say calls complete_handshake().
  virtual void on_server_connected() = 0;
  virtual void on_server_connect_failed(int error_number) = 0;
  /// Bytes or an end can be read.
  virtual void on_server_readable() = 0;
  /// All that was written has been taken.
  virtual void on_server_drained() = 0;
  /// A part of it has.
  virtual void on_server_progress() = 0;
  /// Writing failed: reset, or gone. What it sent before may still be readable.
  virtual void on_server_broken() = 0;

 protected:
  ~ServerUser() = default;
};

class ServerConnection final : public Watcher {
 public:
  /// `to`, its server's place, must outlive it.
  ServerConnection(BufferPool& buffers, ServerPool& pool, const SocketAddress& to,
                   std::uint32_t age)
      : pool_(pool), to_(to), socket_(buffers), age_(age) {}
  ~ServerConnection() = default;

  /// Starts to connect; on_server_connected or on_server_connect_failed follows from the loop.
  /// Answers an errno if it failed at once.
  int connect(const Approach& approach, ServerUser& user);

  void on_ready(std::uint32_t events) override;

  StreamSocket& socket() { return socket_; }
  /// Where it leads, wherever its server has moved since.
  const SocketAddress& to() const { return to_; }
  bool is_connecting() const { return connecting_; }
  void set_user(ServerUser* user) { user_ = user; }
  ServerPool& pool() { return pool_; }
  /// The pool's, when it was opened.
  std::uint32_t age() const { return age_; }
  /// It is authenticated as one client: nobody else may use it from here on.
  void make_private() { private_ = true; }
  bool is_private() const { return private_; }
  /// It is among balance::Server::connections().
  bool is_counted() const { return counted_; }
  void set_counted(bool counted) { counted_ = counted; }
  TimePoint idle_since() const { return idle_since_; }
  void set_idle_since(TimePoint now) { idle_since_ = now; }
  /// Stops hearing of the descriptor and closes it.
  void close(bool reset);

 private:
  ServerPool& pool_;
  const SocketAddress& to_;
  StreamSocket socket_;
  ServerUser* user_ = nullptr;  // null while idle
  TimePoint idle_since_{};
  const std::uint32_t age_;
  bool connecting_ = false;
  bool private_ = false;
  bool counted_ = false;
};

}  // namespace hapair::proxy
