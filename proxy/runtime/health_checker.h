// Probes one server again and again and tells what its checks have decided.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/loop/loop.h"
#include "proxy/config/config.h"
#include "proxy/health/check_fsm.h"
#include "proxy/health/probe.h"
#include "proxy/runtime/probe_socket.h"

namespace hapair::proxy {

/// Lives on the main thread's loop. One connection a probe, from the node's own address or the
/// backend's `source`.
class HealthChecker final : public Watcher {
 public:
  struct Target {
    SocketAddress address;
    Approach approach;
    std::string preamble;  // goes before the request: a PROXY header of our own
    Check check;
    Duration timeout;  // from the start of a probe to its verdict

    friend bool operator==(const Target&, const Target&) = default;
  };
  /// Called after every probe, when fsm() knows of it.
  using OnVerdict = std::function<void(const health::ProbeResult& result)>;

  HealthChecker(Loop& loop, Target target, TimePoint first, OnVerdict on_verdict);

  const Target& target() const { return target_; }
  const health::CheckFsm& fsm() const { return fsm_; }
  /// See CheckFsm::assume.
  void assume(health::Health known, std::uint64_t failures) { fsm_.assume(known, failures); }
  void assume(health::Health known) { fsm_.assume(known, fsm_.failures()); }
  /// No probes until resume(), which begins with one: see CheckFsm::begin_again.
  void pause();
  void resume();

  void on_ready(std::uint32_t events) override;

 private:
  void on_timer();
  void start();
  void on_connected();
  void read();
  void conclude(health::ProbeResult result);

  Loop& loop_;
  const Target target_;
  const std::string request_;  // empty: the connection alone is the probe
  health::CheckFsm fsm_;
  OnVerdict on_verdict_;
  Timer timer_;  // the next probe, or the end of this one's patience
  ProbeSocket socket_;
  bool connected_ = false;
  TimePoint began_{};
  health::StatusLineReader reader_;
};

}  // namespace hapair::proxy
