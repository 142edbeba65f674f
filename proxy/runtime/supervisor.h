// The main thread of a running proxy: makes the workers, checks the servers, tells what changed.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "common/loop/log_shipper.h"
#include "common/loop/loop.h"
#include "proxy/runtime/farm_keeper.h"
#include "proxy/runtime/snapshot.h"
#include "proxy/runtime/stats_service.h"
#include "proxy/runtime/worker.h"

namespace hapair::proxy {

class Supervisor {
 public:
  /// `extra_log` is added to the configured targets (standard error, for -d).
  Supervisor(Config config, std::vector<LogTarget> extra_log);
  ~Supervisor();

  /// Must be set before open().
  void set_statistics(StatsService& statistics) { statistics_ = &statistics; }
  /// The one in force; a reload replaces it, so ask anew whenever the loop has turned.
  Snapshot& snapshot() { return *snapshot_; }
  Logger& log() { return log_; }
  /// For whoever speaks for an operator; main thread.
  FarmKeeper& keeper() { return keeper_; }
  Loop& loop() { return loop_; }
  /// Those that serve; none before open() and after run().
  std::span<const std::unique_ptr<Worker>> workers() const { return workers_; }
  /// Log lines that no target took since the start: this thread's and the workers'.
  std::uint64_t dropped_logs() const;

  // For operators, on the main thread. What they set outlives reloads.

  /// The server is elsewhere now, for traffic and checks. What is under way ends where it is.
  void move_server(const std::shared_ptr<balance::Server>& server, const SocketAddress& address);
  /// 0: as many as the configuration allows.
  void set_operator_maxconn(unsigned maxconn);
  /// What configuration and descriptors allow.
  unsigned possible_maxconn() const { return possible_maxconn_; }

  /// Descriptor limit, then every listening socket. Needs the privilege to bind.
  Result<void> open();
  /// Starts workers and checks, runs until stop(). Returns when all threads have ended.
  void run();
  void stop();

 private:
  /// One listening socket: a descriptor for each worker.
  struct OpenBind {
    FrontendState* frontend = nullptr;
    const Bind* bind = nullptr;
    std::vector<int> fds;
  };
  using Sockets = std::vector<OpenBind>;

  Result<void> fit_limits();
  void apply_operator_maxconn();
  void make_workers(const Sockets& sockets);
  void post(const balance::Grant& grant, BackendState& backend);
  void beat();
  void log_stopped();

  unsigned possible_maxconn_ = 0;
  Loop loop_;
  Ledger ledger_;
  std::shared_ptr<Snapshot> snapshot_;
  std::vector<LogTarget> log_targets_;
  LogShipper log_;
  StatsService* statistics_ = nullptr;
  std::vector<std::unique_ptr<Worker>> workers_;
  FarmKeeper keeper_;
  std::unique_ptr<Timer> watchdog_;
  std::vector<std::unique_ptr<SignalWatcher>> signals_;
  std::atomic<unsigned> answered_ = 0;  // workers that ran since the last beat
};

}  // namespace hapair::proxy
