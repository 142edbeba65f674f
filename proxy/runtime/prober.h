// Carries one probe at a time to a server and brings back what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "common/loop/loop.h"
#include "proxy/health/conversation.h"
#include "proxy/runtime/probe_socket.h"

namespace hapair::proxy {

/// Lives on the main thread's loop.
class Prober final : public Watcher {
 public:
  /// Called once for each probe, never from within start(). `ours`: this machine could not even
  /// try, which says nothing about the server.
  using OnDone = std::function<void(health::ProbeResult result, bool ours)>;

  /// Without a conversation the connection alone is the probe.
  Prober(Loop& loop, std::unique_ptr<health::Conversation> conversation, OnDone on_done);

  /// `preamble` goes before anything else that is sent; the arguments are used at once.
  void start(const SocketAddress& to, const Approach& approach, std::string_view preamble,
             Duration timeout);
  bool running() const { return running_; }
  /// Nothing is called for the probe under way.
  void cancel();

  void on_ready(std::uint32_t events) override;

 private:
  void on_connected();
  void read();
  void follow(const health::Conversation::Turn& turn);
  int send(std::string_view bytes);  // 0 or an errno
  void conclude(health::ProbeResult result, bool ours = false);
  void on_timer();

  Loop& loop_;
  const std::unique_ptr<health::Conversation> conversation_;
  OnDone on_done_;
  Timer timer_;
  ProbeSocket socket_;
  std::string preamble_;
  std::optional<health::ProbeResult> failed_;  // before it began: told from the loop
  bool failed_ours_ = false;
  bool running_ = false;
  bool connected_ = false;
  TimePoint began_{};
};

}  // namespace hapair::proxy
