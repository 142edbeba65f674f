// Keeps what is known of every server, and sees to all that follows when it changes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/log.h"
#include "common/loop/loop.h"
#include "proxy/exchange/state_line.h"
#include "proxy/runtime/agent_watch.h"
#include "proxy/runtime/health_checker.h"
#include "proxy/runtime/session.h"
#include "proxy/runtime/snapshot.h"

namespace hapair::proxy {

/// Lives on the main thread, which alone changes a server's condition, and only through here.
class FarmKeeper {
 public:
  /// Carries a slot to the worker whose request waited for it.
  using PostGrant = std::function<void(const balance::Grant&, BackendState&)>;

  /// Ends what goes on at a server, in all workers.
  using EndSessions = std::function<void(const std::shared_ptr<balance::Server>&, EndCause)>;

  FarmKeeper(Loop& loop, Logger& log, PostGrant post_grant, EndSessions end_sessions);

  /// Begins the checks that `snapshot` wants and that are not running, ends the others. It is the
  /// one in force from now on and must live until the next call, or clear().
  void reconcile(Snapshot& snapshot);
  void clear();

  /// The servers of `backend` are other ones, or have other settings: all workers know.
  void settle(BackendState& backend);

  /// Sets the condition of server `index`: balancing, queue, log lines, the servers that track it.
  void change(BackendState& backend, std::size_t index, health::Condition after,
              const exchange::Cause& cause);

  enum class Wish : std::uint8_t {
    Ready,
    Drain,
    Maintenance,
    Disabled,  // maintenance by the file
  };
  /// An operator's will (`set server … state`), or the agent's. Checks rest during maintenance; a
  /// checked server that leaves it proves itself with one good probe, at once.
  void set_admin(BackendState& backend, std::size_t index, Wish wish, const exchange::Cause& cause);

  enum class Verdict : std::uint8_t { Up, Stopping, Down };
  /// `set server … health`: holds until the next probe says otherwise.
  void set_health(BackendState& backend, std::size_t index, Verdict verdict,
                  const exchange::Cause& cause);

  /// A server's live traffic went wrong so many times in a row, as far as it is observed.
  void on_traffic_errors(const balance::Server& live, unsigned errors, health::Evidence last);

  /// HAProxy's answer to a weight that set_weight() refuses.
  static constexpr std::string_view kStaticWeights =
      "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.";
  /// 0..256, of the moment; what the file says stays known. False, and nothing changed, where the
  /// algorithm knows the configured weight alone, and this is neither that nor 0.
  bool set_weight(BackendState& backend, std::size_t index, unsigned weight);
  /// Concurrent requests (HTTP) or connections (TCP), of the moment; 0: no limit.
  void set_maxconn(BackendState& backend, std::size_t index, unsigned maxconn);

  /// What was counted of checks, errors in live traffic, and outages. Times stay.
  void clear_counters();

  /// When a slow start may be asked for, beside a server's return.
  enum class Occasion : std::uint8_t { Start, Takeover };
  /// Lets every server that the file wants to begin slowly, as if it came back; answers how many
  /// do. Takeover is for whoever learns that this node has the virtual address now.
  unsigned begin_slowly(Occasion occasion);

 private:
  /// Where a live server stands in the snapshot.
  struct Place {
    BackendState* backend = nullptr;
    std::size_t server = 0;
  };

  /// Who asks a server's agent, and what it said last, as far as that was done.
  struct Agent {
    std::unique_ptr<AgentWatch> watch;
    std::optional<unsigned> weight, maxconn;
    bool holds = false;  // drain or maintenance are by its word: nobody spoke after it
    std::optional<unsigned> refused_weight;
  };

  void begin_check(BackendState& backend, ServerState& server, TimePoint first);
  void begin_agent(ServerState& server, TimePoint first);
  void forget_check(ServerState& server);
  void forget_agent(const Place& place, const Agent& agent);
  void forget_tracked(Snapshot& snapshot);
  void follow(Snapshot& snapshot);
  void keep_wishes(const Snapshot& before, Snapshot& snapshot);
  void obey_file(Snapshot& snapshot);
  /// A tracking server takes over what `tracked` is in, which is called `name`.
  void inherit(BackendState& backend, std::size_t index, health::Condition tracked,
               std::string_view name);
  std::string describe(const balance::Server& live) const;
  void on_verdict(const balance::Server& live, const health::ProbeResult& result);
  void on_agent(const balance::Server& live, const health::ProbeResult& result,
                const health::AgentReply* reply);
  void take_agent_weight(const Place& place, const health::AgentReply& reply);
  void report(ServerState& server, const health::CheckFsm& fsm);
  HealthChecker* checker_of(const balance::Server& live);
  balance::Admission::Change rebalance(BackendState& backend);
  void keep_warming();
  /// What on_marked_down and on_marked_up ask for.
  void end_sessions(const BackendState& backend, std::size_t index, health::Condition before,
                    health::Condition after);
  static bool may_serve(const BackendState& backend);
  /// Up, or down for want of a server; the log is told when an outage begins.
  void note_service(BackendState& backend);

  Loop& loop_;
  Logger& log_;
  PostGrant post_grant_;
  EndSessions end_sessions_;
  Snapshot* snapshot_ = nullptr;  // the one in force
  Timer warming_;                 // the next step of some server's slow start
  std::unordered_map<const balance::Server*, Place> places_;
  std::unordered_map<const balance::Server*, std::vector<Place>> followers_;  // that track it
  std::unordered_map<const balance::Server*, std::unique_ptr<HealthChecker>> checkers_;
  std::unordered_map<const balance::Server*, Agent> agents_;
  std::string node_;
};

}  // namespace hapair::proxy
