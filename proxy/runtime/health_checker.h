// Probes one server again and again and tells what its checks have decided.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/loop/loop.h"
#include "common/loop/subprocess.h"
#include "proxy/config/config.h"
#include "proxy/health/check_fsm.h"
#include "proxy/health/http_probe.h"
#include "proxy/runtime/prober.h"

namespace hapair::proxy {

/// Lives on the main thread's loop. One connection, or one command, a probe.
class HealthChecker {
 public:
  struct Target {
    SocketAddress address;  // of the probe
    Approach approach;
    std::string preamble;  // goes before the request: a PROXY header of our own
    Check check;
    Duration timeout;  // from the start of a probe to its verdict
    std::vector<std::string> environment{};  // of a command: NAME=VALUE
    SocketAddress server{};                  // of a command: what it is told to look at

    friend bool operator==(const Target&, const Target&) = default;
  };
  /// Called after every probe, when fsm() knows of it.
  using OnVerdict = std::function<void(const health::ProbeResult& result)>;

  /// What a check with `send_state` tells the server of itself.
  using Describe = std::function<std::string()>;

  /// `probing`, which must outlive it, is true while a probe is under way.
  HealthChecker(Loop& loop, Target target, TimePoint first, std::atomic<bool>& probing,
                OnVerdict on_verdict, Describe describe);
  ~HealthChecker() { probing_ = false; }

  const Target& target() const { return target_; }
  const health::CheckFsm& fsm() const { return fsm_; }
  /// See CheckFsm::assume.
  void assume(health::Health known, std::uint64_t failures) { fsm_.assume(known, failures); }
  void clear_failures() { fsm_.clear_failures(); }
  void assume(health::Health known) { fsm_.assume(known, fsm_.failures()); }
  void assume_barely_up() { fsm_.assume_barely_up(); }
  /// See CheckFsm::on_traffic_errors. What counts as a failure is told as a probe's is: Observed,
  /// with `story`. Not while paused.
  void on_traffic_errors(health::Penalty penalty, std::string story);
  /// No probes until resume(), which begins with one: see CheckFsm::begin_again.
  void pause();
  void resume();

 private:
  void start();
  void start_command();
  void conclude(health::ProbeResult result, bool ours);

  Loop& loop_;
  const Target target_;
  health::CheckFsm fsm_;
  std::atomic<bool>& probing_;
  OnVerdict on_verdict_;
  Describe describe_;
  Timer timer_;  // the next probe
  health::HttpProbe* http_ = nullptr;  // the prober's, if its request changes
  Prober prober_;
  std::unique_ptr<Subprocess> command_;
};

}  // namespace hapair::proxy
