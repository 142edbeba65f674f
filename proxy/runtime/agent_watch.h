// Asks a server's agent again and again how much work the server wants.
#pragma once

#include <atomic>
#include <functional>

#include "common/loop/loop.h"
#include "proxy/config/config.h"
#include "proxy/health/agent_reply.h"
#include "proxy/runtime/prober.h"

namespace hapair::proxy {

/// Lives on the main thread's loop.
class AgentWatch {
 public:
  struct Target {
    SocketAddress address;
    Approach approach;
    AgentCheck agent;

    friend bool operator==(const Target&, const Target&) = default;
  };
  /// Called after every question; `reply` is null if there was no answer, which says nothing of the
  /// server: an agent that died must not take it along.
  using OnReply = std::function<void(const health::ProbeResult& result, const health::AgentReply* reply)>;

  /// `asking`, which must outlive it, is true while a question is under way.
  AgentWatch(Loop& loop, Target target, TimePoint first, std::atomic<bool>& asking,
             OnReply on_reply);
  ~AgentWatch() { asking_ = false; }
  const Target& target() const { return target_; }

 private:
  void ask();
  void on_done(const health::ProbeResult& result);

  Loop& loop_;
  const Target target_;
  std::atomic<bool>& asking_;
  OnReply on_reply_;
  health::AgentProbe* probe_ = nullptr;  // the prober's
  Timer timer_;
  Prober prober_;
};

}  // namespace hapair::proxy
