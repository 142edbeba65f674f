// The run-time state of one server, shared by all workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/address.h"
#include "proxy/balance/avoided.h"
#include "proxy/balance/slow_start.h"
#include "proxy/health/condition.h"

namespace hapair::balance {

using health::Condition;
using health::Health;

/// Every member may be called from any thread. Only the main thread changes health, weight and
/// maxconn; slots are taken and given back through Admission.
class Server {
 public:
  struct Settings {
    std::string name;
    SocketAddress address;
    unsigned weight = 1;   // 0..256
    unsigned maxconn = 0;  // 0: no limit
    bool checked = false;  // false: up from the start
    unsigned minconn = 0;    // 0: maxconn always; else the limit follows the backend's load, see fit_limit()
    unsigned max_queue = 0;  // those that wait for this very server; 0: any number
    bool backup = false;     // serves only while no other can, see assign_duty()
    bool disabled = false;   // begins in maintenance
  };
  explicit Server(Settings settings)
      : name_(std::move(settings.name)),
        places_{settings.address},
        address_(&places_.front()),
        configured_weight_(settings.weight),
        configured_maxconn_(settings.maxconn),
        checked_(settings.checked),
        weight_(settings.weight),
        maxconn_(settings.maxconn),
        minconn_(settings.minconn),
        max_queue_(settings.max_queue),
        backup_(settings.backup),
        on_duty_(!settings.backup),
        limit_(settings.maxconn),
        condition_(first_condition(settings).bits()) {}

  const std::string& name() const { return name_; }
  /// Where it is. What this answered stays readable when the server moves.
  const SocketAddress& address() const { return *address_.load(std::memory_order_acquire); }
  /// An operator says that it is elsewhere now. The main thread only.
  void move_to(const SocketAddress& address);
  unsigned configured_weight() const { return configured_weight_.load(kRelaxed); }
  unsigned configured_maxconn() const { return configured_maxconn_.load(kRelaxed); }
  bool checked() const { return checked_.load(kRelaxed); }

  /// A reload: takes over what differs from the settings of before, and leaves alone what was set
  /// at run time where they are the same. What is known of its health stays; one that is no longer
  /// checked is up. Maintenance is left to the caller, since much follows from it. The name must be
  /// the same; where it is stays.
  void reconfigure(const Settings& settings);
  /// A reload lists it again after it had left: nothing but the slots that are taken stays.
  void begin_again(const Settings& settings);

  static constexpr unsigned kHeaviest = 256;
  /// What `percent` of the configured weight is, which may be more than kHeaviest. A part of
  /// something is never nothing: HAProxy makes half of 1 a 0, which takes the server's visitors away.
  unsigned share_of_weight(unsigned percent) const;
  unsigned weight() const { return weight_.load(std::memory_order_relaxed); }
  void set_weight(unsigned weight) { weight_.store(weight, std::memory_order_relaxed); }
  unsigned maxconn() const { return maxconn_.load(std::memory_order_relaxed); }
  void set_maxconn(unsigned maxconn) {
    maxconn_.store(maxconn, std::memory_order_relaxed);
    limit_.store(warm_limit(), std::memory_order_relaxed);
  }
  unsigned minconn() const { return minconn_.load(std::memory_order_relaxed); }
  void set_minconn(unsigned minconn) { minconn_.store(minconn, std::memory_order_relaxed); }
  unsigned max_queue() const { return max_queue_.load(std::memory_order_relaxed); }
  void set_max_queue(unsigned most) { max_queue_.store(most, std::memory_order_relaxed); }
  bool backup() const { return backup_.load(std::memory_order_relaxed); }
  void set_backup(bool backup) { backup_.store(backup, std::memory_order_relaxed); }
  Condition condition() const { return Condition(condition_.load(std::memory_order_relaxed)); }
  void set_condition(Condition condition) {
    condition_.store(condition.bits(), std::memory_order_relaxed);
  }
  Health health() const { return condition().health(); }
  /// What the checks say, and leaves alone what else there is.
  void set_health(Health health) {
    set_condition(condition()
                      .without(Condition::kDown | Condition::kStopping)
                      .with(Condition::kUnproven, health == Health::Unknown)
                      .with(Condition::kCheckDown, health == Health::Down));
  }

  /// How much of its weight and maxconn a server has that begins slowly: 1 … kWarm.
  static constexpr unsigned kWarm = 64;
  unsigned warmth() const { return warmth_.load(std::memory_order_relaxed); }
  void set_warmth(unsigned warmth) {
    warmth_.store(warmth, std::memory_order_relaxed);
    limit_.store(warm_limit(), std::memory_order_relaxed);
  }
  /// From now on it warms with time; a length of zero ends that: it is warm. Main thread, as
  /// warm().
  void begin_slowly(TimePoint now, Duration length);
  /// Brings its warmth up to date. True if it changed.
  bool warm(TimePoint now);
  TimePoint next_warmth(TimePoint now) const { return slow_start_.next_step(now, kWarm); }
  /// What algorithms that heed live weights share by: weight times warmth, in units of 1/kWarm.
  unsigned effective_weight() const { return weight() * warmth(); }

  /// Serves those that are tied to it.
  bool up() const { return condition().serves_tied(); }
  /// Could take new work, were it its turn: drain, NOLB and weight 0 keep the tied ones and get no
  /// other.
  bool able() const { return condition().takes_new() && weight() > 0; }
  /// Would be able, or serve those that are tied to it, had its first check been good already.
  bool awaited() const {
    return condition().has(Condition::kUnproven) && weight() > 0 &&
           condition().without(Condition::kUnproven).takes_new();
  }
  bool awaited_by_tied() const {
    return condition().has(Condition::kUnproven) &&
           condition().without(Condition::kUnproven).serves_tied();
  }
  /// Takes new work: able, and no backup that others stand before.
  bool usable() const { return able() && on_duty_.load(std::memory_order_relaxed); }
  void set_on_duty(bool on_duty) { on_duty_.store(on_duty, std::memory_order_relaxed); }

  /// How many sessions it may have now; 0: any number. maxconn, less while it is not warm yet or
  /// while fit_limit() found little to do.
  unsigned limit() const { return limit_.load(std::memory_order_relaxed); }
  /// For a server with minconn, HAProxy's ramp: of `demand` requests in the whole backend, where
  /// `full` of them or more give it its maxconn, and fewer that share of it, but minconn at least.
  /// True if that changed the limit. A limit that two threads fit in the same moment may be the
  /// older one; the next request fits it again.
  bool fit_limit(unsigned demand, unsigned full);
  /// As many wait for this very server as may.
  bool queue_full() const { return max_queue() != 0 && waiting() >= max_queue(); }

  /// Requests (HTTP) or connections (TCP) that hold a slot now, and the most there ever were.
  std::uint32_t sessions() const { return sessions_.load(std::memory_order_seq_cst); }
  std::uint32_t peak_sessions() const { return peak_sessions_.load(std::memory_order_relaxed); }
  /// Requests queued for this server alone, and the most there ever were.
  std::uint32_t waiting() const { return waiting_.load(std::memory_order_seq_cst); }
  std::uint32_t peak_waiting() const { return peak_waiting_.load(std::memory_order_relaxed); }
  /// From now on the most are those of now.
  void clear_peaks() {
    peak_sessions_.store(sessions(), std::memory_order_relaxed);
    peak_waiting_.store(waiting(), std::memory_order_relaxed);
  }

  /// What leastconn compares: active and queued.
  std::uint32_t load() const { return sessions() + waiting(); }

  /// Below its limit with nobody waiting for it. A snapshot: only take_slot() decides. Ordered,
  /// since Admission looks here again after it has raised the number of waiters.
  bool has_room() const {
    const unsigned most = limit();
    return (most == 0 || sessions() < most) && waiting() == 0;
  }
  /// Never takes sessions() above limit(), whoever else tries.
  bool take_slot();
  void drop_slot() { sessions_.fetch_sub(1, std::memory_order_seq_cst); }

  /// Connections that are open to it: those of sessions and those that wait for the next one.
  /// Counted by whoever opens and closes them, while there is a maxconn: it may serve no more than
  /// so many at once, and then those that wait keep others out.
  std::uint32_t connections() const { return connections_.load(kRelaxed); }
  void count_connection() { connections_.fetch_add(1, kRelaxed); }
  void uncount_connection() { connections_.fetch_sub(1, kRelaxed); }
  /// More than maxconn. Of those who open at once the last to count sees it.
  bool is_overrun() const { return maxconn() != 0 && connections() > maxconn(); }

 private:
  friend class Admission;
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  static Condition first_condition(const Settings& settings) {
    return Condition()
        .with(Condition::kUnproven, settings.checked)
        .with(Condition::kForcedMaint | Condition::kConfiguredMaint, settings.disabled);
  }
  unsigned warm_limit() const;

  const std::string name_;
  std::deque<SocketAddress> places_;  // where it ever was, each once; the main thread's
  std::atomic<const SocketAddress*> address_;
  // What the file says; the main thread writes. A setting that may change with a reload is an
  // atomic, and reconfigure() takes it over.
  std::atomic<unsigned> configured_weight_;
  std::atomic<unsigned> configured_maxconn_;
  std::atomic<bool> checked_;
  std::atomic<unsigned> weight_;
  std::atomic<unsigned> maxconn_;
  std::atomic<unsigned> minconn_;
  std::atomic<unsigned> max_queue_;
  std::atomic<unsigned> warmth_ = kWarm;
  std::atomic<bool> backup_;
  std::atomic<bool> on_duty_;
  std::atomic<unsigned> limit_;
  std::atomic<std::uint32_t> condition_;
  SlowStart slow_start_;  // of the main thread alone
  // Written per request: away from what is only read.
  alignas(64) std::atomic<std::uint32_t> sessions_ = 0;
  std::atomic<std::uint32_t> peak_sessions_ = 0;
  std::atomic<std::uint32_t> waiting_ = 0;
  std::atomic<std::uint32_t> peak_waiting_ = 0;
  std::atomic<std::uint32_t> connections_ = 0;
};

/// The servers of one backend, in the order of the configuration; an index into it names a server
/// everywhere. A reload makes a new farm that may share servers with the old one.
using Farm = std::vector<std::shared_ptr<Server>>;

/// How many servers take new work.
inline unsigned usable_servers(const Farm& farm) {
  unsigned count = 0;
  for (const auto& server : farm) count += server->usable() ? 1 : 0;
  return count;
}

/// How many could, backups not on duty among them: while this is not 0 somebody will serve.
unsigned able_servers(const Farm& farm);
/// The two figures of state lines and statistics: those that are up with a weight, by their role.
struct Strength {
  unsigned active = 0;
  unsigned backup = 0;
};
Strength strength(const Farm& farm);

/// Puts backups on duty while no other server is able: all of them if `all_backups`, else the first
/// able one. Main thread; Balancer::rebuild() does it.
void assign_duty(const Farm& farm, bool all_backups);

/// Of the servers that are backups, or of those that are not; the others weigh nothing.
std::vector<unsigned> configured_weights(const Farm& farm, bool backup);

/// Of those to avoid, after all, the first that takes new work (and has room), if nobody else takes
/// any; else kNoServer.
int last_resort(const Farm& farm, const Avoided& avoid, bool with_room = true);
/// Somebody could serve as soon as a check has been good once: whoever comes now may wait for it.
bool anyone_awaited(const Farm& farm);

}  // namespace hapair::balance
