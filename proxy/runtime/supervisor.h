// The main thread of a running proxy: makes the workers, checks the servers, tells what changed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/config_reader.h"
#include "common/file_rights.h"
#include "common/loop/control_server.h"
#include "common/loop/log_shipper.h"
#include "common/loop/loop.h"
#include "proxy/config/changes.h"
#include "proxy/runtime/farm_keeper.h"
#include "proxy/runtime/heartbeat.h"
#include "proxy/runtime/listener.h"
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

  /// A reload changes its sockets. It must outlive run().
  void set_control(ControlServer& control) { control_ = &control; }

  /// Where a reload gets its configuration from. A source has said what it found wrong where it can.
  struct Loaded {
    std::optional<Config> config;
    Diagnostics found;
  };
  using ConfigSource = std::function<Loaded()>;
  void set_config_source(ConfigSource source) { config_source_ = std::move(source); }

  /// Descriptor limit, then every listening socket. Needs the privilege to bind.
  Result<void> open();
  /// Starts workers and checks, runs until stop(). Returns when all threads have ended.
  void run();
  void stop();
  /// Replaces the configuration in place, or says why not and changes nothing.
  void reload();
  /// Ends run() when the last connection has ended, or after global.drain_limit.
  void drain();

 private:
  /// For each listener of a configuration: its sockets, none where they are open already.
  using Sockets = std::vector<std::vector<WorkerSockets>>;
  /// How many clients the descriptor limit, raised as far as it can be, has room for.
  Result<unsigned> fit_limits(const Config& config);
  void apply_operator_maxconn();
  /// Opens what is not kept. If one fails, none is open.
  Result<Sockets> open_sockets(const Config& config,
                               const std::vector<std::optional<std::size_t>>& kept);
  bool shares_port(const ListenSocket& socket) const;
  void name_sockets(const Sockets& opened, const std::vector<std::optional<std::size_t>>& kept);
  std::vector<Worker::Listener> listeners_for(unsigned worker, const Sockets& sockets);
  /// The files of Unix sockets that stay have other owners or modes.
  Result<std::vector<FileRights>> change_file_rights(
      const Config& config, const std::vector<std::optional<std::size_t>>& kept);
  /// Those that are not open yet.
  Result<void> check_log_targets(const Config& config, const std::vector<LogTarget>& open);
  void refuse_reload(std::string_view why);
  void log_changes(const Config& before, const Config& after,
                   const std::vector<std::optional<std::size_t>>& kept);
  /// Where the configuration wants it and it is not yet.
  Result<void> open_heartbeat(const Config& config);
  Result<void> reopen_heartbeat(const Config& config);  // of a process that runs
  void on_adopted();
  void post(const balance::Grant& grant, BackendState& backend);
  /// From worker `asking`, on its thread.
  void ask_for_room(const std::shared_ptr<balance::Server>& server, unsigned asking);
  void beat();
  void close_listeners();
  void on_worker_drained();
  void on_drain_limit();
  void log_stopped();

  unsigned possible_maxconn_ = 0;
  Loop loop_;
  Ledger ledger_;
  std::shared_ptr<Snapshot> snapshot_;
  // Of the sockets of each of listeners_of(snapshot_->config): what the workers know them by.
  std::vector<std::vector<std::uint64_t>> socket_ids_;
  std::uint64_t last_socket_id_ = 0;
  ConfigSource config_source_;
  std::shared_ptr<Snapshot> retiring_;  // until every worker has adopted snapshot_
  std::size_t adopting_ = 0;            // workers that have not
  bool reload_again_ = false;
  const std::vector<LogTarget> extra_log_;
  LogShipper log_;
  StatsService* statistics_ = nullptr;
  ControlServer* control_ = nullptr;
  std::vector<std::unique_ptr<Worker>> workers_;
  FarmKeeper keeper_;
  std::unique_ptr<Timer> watchdog_;
  Heartbeat heartbeat_;
  Timer drain_timer_;
  Timer leaving_timer_;           // the listeners close, wherever the addresses are
  bool listeners_closed_ = false;
  std::size_t drained_ = 0;  // workers without connections
  std::vector<std::unique_ptr<SignalWatcher>> signals_;
  std::atomic<unsigned> answered_ = 0;  // workers that ran since the last beat
};

}  // namespace hapair::proxy
