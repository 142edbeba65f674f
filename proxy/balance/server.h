// The run-time state of one server, shared by all workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/address.h"
#include "proxy/health/condition.h"

namespace hapair::balance {

using health::Condition;
using health::Health;

inline constexpr int kNoServer = -1;

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
  };
  explicit Server(Settings settings)
      : name_(std::move(settings.name)),
        address_(settings.address),
        configured_weight_(settings.weight),
        configured_maxconn_(settings.maxconn),
        checked_(settings.checked),
        weight_(settings.weight),
        maxconn_(settings.maxconn),
        condition_(Condition().with(Condition::kUnproven, settings.checked).bits()) {}

  const std::string& name() const { return name_; }
  const SocketAddress& address() const { return address_; }
  unsigned configured_weight() const { return configured_weight_.load(kRelaxed); }
  bool checked() const { return checked_.load(kRelaxed); }

  /// A reload: takes over what differs from the settings of before, and leaves alone what was set
  /// at run time where they are the same. What is known of its health stays; one that is no longer
  /// checked is up. Name and address must be the same.
  void reconfigure(const Settings& settings);
  /// A reload lists it again after it had left: nothing but the slots that are taken stays.
  void begin_again(const Settings& settings);

  unsigned weight() const { return weight_.load(std::memory_order_relaxed); }
  void set_weight(unsigned weight) { weight_.store(weight, std::memory_order_relaxed); }
  unsigned maxconn() const { return maxconn_.load(std::memory_order_relaxed); }
  void set_maxconn(unsigned maxconn) { maxconn_.store(maxconn, std::memory_order_relaxed); }
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

  /// Serves those that are tied to it.
  bool up() const { return condition().serves_tied(); }
  /// Takes new work too: drain, NOLB and weight 0 keep the tied ones and get no other.
  bool usable() const { return condition().takes_new() && weight() > 0; }

  /// Requests (HTTP) or connections (TCP) that hold a slot now, and the most there ever were.
  std::uint32_t sessions() const { return sessions_.load(std::memory_order_seq_cst); }
  std::uint32_t peak_sessions() const { return peak_sessions_.load(std::memory_order_relaxed); }
  /// Requests queued for this server alone, and the most there ever were.
  std::uint32_t waiting() const { return waiting_.load(std::memory_order_seq_cst); }
  std::uint32_t peak_waiting() const { return peak_waiting_.load(std::memory_order_relaxed); }

  /// What leastconn compares: active and queued.
  std::uint32_t load() const { return sessions() + waiting(); }

  /// Below its limit with nobody waiting for it. A snapshot: only take_slot() decides. Ordered,
  /// since Admission looks here again after it has raised the number of waiters.
  bool has_room() const {
    const unsigned limit = maxconn();
    return (limit == 0 || sessions() < limit) && waiting() == 0;
  }
  /// Never takes sessions() above maxconn(), whoever else tries.
  bool take_slot();
  void drop_slot() { sessions_.fetch_sub(1, std::memory_order_seq_cst); }

 private:
  friend class Admission;
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  const std::string name_;
  const SocketAddress address_;
  // What the file says; the main thread writes. A setting that may change with a reload is an
  // atomic, and reconfigure() takes it over.
  std::atomic<unsigned> configured_weight_;
  std::atomic<unsigned> configured_maxconn_;
  std::atomic<bool> checked_;
  std::atomic<unsigned> weight_;
  std::atomic<unsigned> maxconn_;
  std::atomic<std::uint32_t> condition_;
  // Written per request: away from what is only read.
  alignas(64) std::atomic<std::uint32_t> sessions_ = 0;
  std::atomic<std::uint32_t> peak_sessions_ = 0;
  std::atomic<std::uint32_t> waiting_ = 0;
  std::atomic<std::uint32_t> peak_waiting_ = 0;
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

std::vector<unsigned> configured_weights(const Farm& farm);

/// The server to avoid, after all, if it has room and no other takes new work; else kNoServer.
int last_resort(const Farm& farm, int avoid);

}  // namespace hapair::balance
