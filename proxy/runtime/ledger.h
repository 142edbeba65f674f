// What is known of frontends, backends and servers however often the configuration changes.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/balance/server.h"
#include "proxy/config/config.h"
#include "proxy/exchange/error_capture.h"
#include "proxy/health/downtime.h"
#include "proxy/health/observation.h"
#include "proxy/health/probe.h"
#include "proxy/stats/counters.h"

namespace hapair::proxy {

/// What the checks last said about a server, for whoever shows it.
struct CheckReport {
  health::ProbeResult last;
  health::ProbeResult agent;
  int rise = 0, fall = 0, lives = 0;  // as CheckFsm counts
  std::uint64_t failures = 0;
  std::uint64_t traffic_failures = 0;  // streaks of errors in live traffic
  health::Downtime downtime{steady_now()};
};

struct FrontendRecord;

struct ProcessRecord {
  stats::Gauge connections;  // clients of all frontends
  /// An operator's limit of them, below what the configuration allows; 0: none.
  std::atomic<unsigned> operator_maxconn = 0;
  /// The listeners are closed; what is there goes on to its end.
  std::atomic<bool> draining = false;
  exchange::ErrorCaptures errors;
  std::atomic<std::uint64_t> numbered_requests = 0;  // of frontends whose log asks for numbers
  const TimePoint started = steady_now();

  // Of all frontends that there are and have been: what was counted does not become less when one
  // leaves the configuration. Any thread.

  /// Rates and peaks are of those that there are.
  stats::FrontendTotals frontend_totals(TimePoint now) const;
  /// Clears the counters that worker `index`, who calls this, has of all there are.
  void clear_frontends(unsigned index, bool all);
  /// Nothing has been counted by those that are gone.
  void forget_past();

 private:
  friend struct FrontendRecord;
  mutable std::mutex frontends_mutex_;
  std::vector<FrontendRecord*> frontends_;  // guarded by frontends_mutex_
  stats::FrontendTotals past_;              // likewise; of those that are gone
};

/// Lives until nobody serves by a snapshot that lists it; what it counted goes to the process then.
struct FrontendRecord {
  FrontendRecord(unsigned workers, std::shared_ptr<ProcessRecord> owner);
  ~FrontendRecord();
  FrontendRecord(const FrontendRecord&) = delete;
  FrontendRecord& operator=(const FrontendRecord&) = delete;

  const std::shared_ptr<ProcessRecord> process;
  stats::Gauge connections;
  std::atomic<std::uint64_t> log_lines = 0;  // while the log asks for numbers
  /// Clients at once, 0: as many as the process may have. The main thread writes; what an operator
  /// says holds until the file says something else.
  std::atomic<unsigned> maxconn = 0;
  std::optional<unsigned> configured_maxconn;
  /// Whether anybody is let in. The main thread writes; what an operator says holds, likewise.
  enum class Door : std::uint8_t {
    Open,
    Paused,   // by an operator
    Stopped,  // by the file
  };
  std::atomic<Door> door = Door::Open;
  std::optional<bool> configured_disabled;
  std::vector<stats::FrontendCounters> counters;  // one a worker
};

struct ServerRecord {
  explicit ServerRecord(unsigned workers) : counters(workers) {}
  std::vector<stats::ServerCounters> counters;  // one a worker
  health::ErrorStreak errors;                   // of live traffic, where it is observed
  std::optional<bool> configured_disabled;      // what the file said last; the main thread's
  std::atomic<bool> probing = false, asking_agent = false;  // now; the main thread writes
  mutable std::mutex report_mutex;
  CheckReport checks;  // guarded by report_mutex; written by the main thread
};

struct BackendRecord {
  explicit BackendRecord(unsigned workers) : counters(workers) {}
  stats::Gauge sessions;
  std::vector<stats::BackendCounters> counters;  // one a worker
  bool met = false;  // by the farm keeper; the main thread's
  mutable std::mutex downtime_mutex;
  health::Downtime downtime{steady_now()};  // guarded by downtime_mutex
};

/// Hands the same records and the same live servers to every snapshot that names them. They live as
/// long as one of those snapshots: a server that is listed again while connections of an older
/// snapshot still hold its slots gets them counted. Main thread.
class Ledger {
 public:
  explicit Ledger(unsigned workers)
      : workers_(workers), process_(std::make_shared<ProcessRecord>()) {}

  unsigned workers() const { return workers_; }
  const std::shared_ptr<ProcessRecord>& process() const { return process_; }

  /// Call before the first question of a snapshot.
  void begin_snapshot();
  std::shared_ptr<FrontendRecord> frontend(const Frontend& frontend);
  std::shared_ptr<BackendRecord> backend(const Backend& backend);
  std::shared_ptr<ServerRecord> server(const Backend& backend, const Server& server);
  /// The same one while its name and its backend's name and mode stay, and the file's address is
  /// that of before or where an operator has moved it. What the file changed is applied to it; what
  /// it was set to at run time stays where the file did not change. One that the snapshot before
  /// did not list begins again, but for the slots it has.
  std::shared_ptr<balance::Server> live(const Backend& backend, const Server& server);

 private:
  using Names = std::pair<std::string, std::string>;  // backend, server
  struct Live {
    // Where the file says it is.
    SocketAddress address;
    std::optional<UnixAddress> unix_socket;
    std::weak_ptr<balance::Server> server;
    std::uint64_t listed = 0;  // by which snapshot, last
  };

  const unsigned workers_;
  const std::shared_ptr<ProcessRecord> process_;
  std::uint64_t snapshots_ = 0;
  std::map<std::string, std::weak_ptr<FrontendRecord>> frontends_;
  std::map<std::string, std::weak_ptr<BackendRecord>> backends_;
  std::map<Names, std::weak_ptr<ServerRecord>> servers_;
  std::map<std::pair<Names, Mode>, std::vector<Live>> live_;  // a place each
};

}  // namespace hapair::proxy
