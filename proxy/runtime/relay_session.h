// One TCP-mode connection: a client, a server, and the bytes between them.
#pragma once

#include <cstdint>
#include <optional>

#include "common/address.h"
#include "common/loop/loop.h"
#include "proxy/exchange/access_record.h"
#include "proxy/exchange/silence.h"
#include "proxy/runtime/dispatch.h"
#include "proxy/runtime/session.h"
#include "proxy/runtime/stream_socket.h"

namespace hapair::proxy {

class Worker;

/// Backpressure as everywhere: a side is not read while the other holds unsent bytes. Small
/// messages are copied; once they come by the buffer, the kernel moves them.
class RelaySession final : public Session, public DispatchUser {
 public:
  RelaySession(Worker& worker, Generation& generation, FrontendState& frontend, int fd,
               const SocketAddress& peer);

  /// Looks for a server. Call once, after the worker has taken ownership.
  void begin();

  void on_ready(std::uint32_t events) override;
  void on_reload() override { dispatch_.on_reload(); }
  void describe(SessionView& view) const override;
  const balance::Server* server() const override;
  void end_because(EndCause cause) override;
  void on_drain() override {}  // nothing tells a TCP client to end: it goes on as long as it may

  // DispatchUser.
  void on_dispatched() override;
  void on_dispatch_failed(exchange::Termination why) override;
  std::uint64_t client() const override { return id; }
  wire::Endpoints endpoints() override { return {record_.client, destination(client_)}; }
  void on_server_connected() override {}  // Dispatch hears that
  void on_server_connect_failed(int) override {}
  void on_server_readable() override;
  void on_server_drained() override;
  void on_server_progress() override { on_activity(); }
  void on_server_broken() override;

 private:
  /// One direction. How it moves bytes adapts to how they come.
  struct Flow {
    std::uint64_t moved = 0;
    std::uint8_t splices = 0;  // to be tried before bytes are read again; 0: read them
    bool ended = false;        // the source has no more, and the destination was told
  };
  enum class Moved { All, Blocked, SourceFailed, DestinationFailed };

  std::optional<int> route();
  Moved pump(StreamSocket& from, StreamSocket& to, Flow& flow, Watcher& source);
  void pump_to_server();
  void pump_to_client();
  void settle(Moved moved, bool towards_server);
  exchange::Silence silence() const;
  void on_activity();
  void on_timeout();
  void end(exchange::Termination why, bool reset = false);
  StreamSocket* server_socket();

  Worker& worker_;
  StreamSocket client_;
  Timer timer_;
  Dispatch dispatch_;
  Flow up_;    // client to server
  Flow down_;  // server to client
  bool closed_ = false;
  bool counted_ = false;  // in the backend's sessions
  exchange::AccessRecord record_;
};

}  // namespace hapair::proxy
