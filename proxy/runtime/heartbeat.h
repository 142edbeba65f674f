// The proxy's heartbeat: tells the VRRP daemon that this node can serve, and how.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "common/health_config.h"
#include "common/health_message.h"
#include "common/loop/health_server.h"
#include "common/loop/loop.h"
#include "common/service.h"

namespace hapair::proxy {

class Supervisor;

/// A beat is sent only when the main thread has come here and every worker has answered the question of
/// the beat before, on its own thread, that it accepts. So one worker that is stuck silences it, as the
/// end of the process closes it. Without a place where it is heard it does nothing. Lives on the main
/// thread.
class Heartbeat {
 public:
  /// `on_left`: every listener has said, since say(Draining), that this node has no address any more.
  /// `on_taken`: one has said that this node has just taken an address over.
  Heartbeat(Supervisor& supervisor, Loop& loop, std::function<void()> on_left,
            std::function<void()> on_taken);
  /// Is to be heard at one more place. What is open already stays: who listens there cannot be told
  /// to go elsewhere, and would take a closed socket for the end of the process.
  Result<void> open(const HealthSocket& socket, const Identity& identity);
  void close(const std::string& path) { server_.close(path); }
  bool is_open_at(const std::string& path) const { return server_.is_open_at(path); }
  /// Workers run from now on, or what open() made is to be used.
  void start(Duration interval);
  /// It does not serve for much longer; said at once.
  void say(HealthMessage::State state);
  bool all_left() const { return server_.all_left(); }
  /// Nobody may be asked any more.
  void stop() { timer_.disarm(); }

 private:
  void on_due();
  void beat();
  void ask();
  bool is_ready() const;
  void send();

  Supervisor& supervisor_;
  Loop& loop_;
  std::function<void()> on_left_;
  HealthServer server_;
  Timer timer_;
  HealthMessage message_;
  bool beats_ = false;
  bool overdue_ = false;                   // it waits for an answer
  std::size_t asked_ = 0;                  // workers, by the last question
  std::atomic<std::size_t> answered_ = 0;  // of those
  std::atomic<bool> all_accept_ = true;    // as far as they answered
};

}  // namespace hapair::proxy
