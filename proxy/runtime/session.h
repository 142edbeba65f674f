// What a worker knows of every client connection, whatever it speaks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/address.h"
#include "common/loop/loop.h"
#include "proxy/runtime/generation.h"
#include "proxy/runtime/session_view.h"
#include "proxy/runtime/stream_socket.h"

namespace hapair::proxy {

/// Why a session is ended from outside, as the log's letter.
enum class EndCause : char {
  Operator = 'K',
  ServerDown = 'D',   // on_marked_down = "shutdown-sessions"
  ServersBack = 'U',  // its backup is no longer needed: on_marked_up = "shutdown-backup-sessions"
};

/// Owned by its worker from accept to retire(). Serves by the snapshot it began under; a kept-alive
/// one goes over to the newest between two requests.
class Session : public Watcher {
 public:
  Session(Generation& generation, FrontendState& frontend)
      : generation_(generation), frontend_(&frontend) {}
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The worker has a new snapshot. Must not call back into anybody: the worker is visiting all.
  virtual void on_reload() = 0;
  /// The daemon drains: the session ends with what is under way. Must not call back either.
  virtual void on_drain() = 0;

  /// What it is doing; id, worker and frontend are the caller's.
  virtual void describe(SessionView& view) const = 0;
  /// The server whose slot it holds; null: none.
  virtual const balance::Server* server() const = 0;
  /// Somebody wants it to end, now. It may be gone when this returns. What has not reached its
  /// server yet may go to another one, unless it is an operator who wants it.
  virtual void end_because(EndCause cause) = 0;

  FrontendState& frontend() const { return *frontend_; }
  Snapshot& snapshot() { return *generation_.get()->snapshot; }

  /// Where the client has connected to, as a PROXY header announced it; else the own end of its
  /// connection.
  SocketAddress destination(const StreamSocket& client) const {
    return announced_destination_ ? *announced_destination_ : client.local_address();
  }
  void set_announced_destination(const SocketAddress& destination) {
    announced_destination_ = std::make_unique<SocketAddress>(destination);
  }
  /// Where its worker keeps it.
  std::size_t slot = 0;
  /// Never used again.
  std::uint64_t id = 0;

 protected:
  Generation& generation() const { return *generation_.get(); }
  void move_to(Generation& generation, FrontendState& frontend) {
    generation_ = GenerationUse(generation);
    frontend_ = &frontend;
  }

 private:
  GenerationUse generation_;
  FrontendState* frontend_;
  std::unique_ptr<SocketAddress> announced_destination_;
};

}  // namespace hapair::proxy
