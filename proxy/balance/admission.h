// Gives requests their server slots, and queues those that must wait for one.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "common/clock.h"
#include "proxy/balance/balancer.h"
#include "proxy/balance/server.h"

namespace hapair::balance {

/// A slot for a request that waited. Post it to the worker's mailbox: the slot is already counted.
/// If the request is gone by then, its worker calls Admission::release(server). Of kNoServer: what it
/// waited for will not come; it asks again, with its `arrival`, for what else will do.
struct Grant {
  unsigned worker = 0;
  std::uint64_t request = 0;
  int server = kNoServer;
  friend bool operator==(const Grant&, const Grant&) = default;
};

/// One backend's slots and its queue, shared by all workers. Any thread may call anything but
/// grants_after_change(). Slots are taken and given back without a lock while nobody waits.
///
/// The race that matters: a request finds every server full while the last slot is given back. The
/// one raises the number of waiters and then looks at the slots again; the other lowers the slots
/// and then looks at the waiters. Both are sequentially consistent, so at least one sees the other.
class Admission {
 public:
  /// Names a queued request. 0 is none.
  using Ticket = std::uint64_t;

  struct Ask {
    unsigned worker = 0;
    std::uint64_t request = 0;  // the worker's own id of it, given back in the Grant
    int tied_to = kNoServer;    // persistence; ignored if that server is not up, unless nobody is and
                                // it is awaited: then it alone is waited for
    Avoided avoid{};
    std::optional<std::uint64_t> key{};  // what the balancer ties it by: PickInput::key
    int priority = 0;           // in the queue: lower ones first, among equals who came first
    TimePoint now{};
    std::uint64_t arrival = 0;  // from an Answer of this admission or the one it continues: its place
                                // before all who came later. 0: it comes now
  };
  struct Answer {
    enum class Kind { Admitted, Queued, NoServer, QueueFull };
    Kind kind = Kind::NoServer;
    int server = kNoServer;  // Admitted
    Ticket ticket = 0;       // Queued: for cancel()
    std::uint64_t arrival = 0;  // Queued: to ask again in the same place
    // Queued: one's place, from 1, in the server's or the backend's queue (the log's %sq and %bq).
    std::uint32_t server_queue = 0;
    std::uint32_t backend_queue = 0;
  };
  struct Change {
    std::vector<Grant> grants;  // post them
    unsigned requeued = 0;      // of them, those that have to ask again
  };
  enum class Cancelled {
    Removed,  // it no longer waits; nothing else will come
    Granted,  // a Grant is on its way: release its slot when it arrives
  };

  struct Limits {
    unsigned full_conn = 0;  // demand at which servers with minconn have their whole maxconn; 0: always
    unsigned max_queue = 0;  // that wait in the whole backend; 0: any number
  };
  /// Farm and balancer must outlive it.
  Admission(const Farm& farm, Balancer& balancer);
  /// Takes over from the one of the farm's earlier state: whoever waits there cancels and asks here
  /// with the same `arrival`, before all who come here first. Main thread, before anybody asks here.
  void continue_from(const Admission& before);
  /// Main thread. Call grants_after_change() then.
  void set_limits(const Limits& limits);

  /// A slot at the server of the balancer's choice (or the one it is tied to), or a place in the
  /// queue. New arrivals do not overtake those that wait, unless their priority says so. Call
  /// surplus() afterwards.
  Answer ask(const Ask& ask);

  /// Only a slot at this very server, never queued: for a retry on the same server.
  bool try_acquire(int server);

  /// Gives a slot back. If somebody was waiting for it, the slot is theirs: post the grant. Call
  /// surplus() afterwards.
  [[nodiscard]] std::optional<Grant> release(int server);

  /// A grant for one more who waits, until there is none: where servers have a minconn, a request
  /// that arrives may raise the limits by more than its own slot. Costs a branch elsewhere.
  [[nodiscard]] std::optional<Grant> surplus() {
    if (!elastic_.load(std::memory_order_relaxed)) [[likely]] return std::nullopt;
    return find_surplus();
  }

  /// Timeout, or the client is gone.
  Cancelled cancel(Ticket ticket);

  /// Health, weight or maxconn of a server changed: hands free slots to waiters, frees those that
  /// were tied to a lost server. Main thread, after Balancer::rebuild().
  [[nodiscard]] Change grants_after_change();

  /// Waiting in all: for any server, and for one each (Server::waiting()).
  std::uint32_t waiting() const { return waiting_.load(std::memory_order_seq_cst); }
  std::uint32_t peak_waiting() const { return peak_waiting_.load(std::memory_order_relaxed); }
  /// From now on the most are those of now.
  void clear_peak() { peak_waiting_.store(waiting(), std::memory_order_relaxed); }
  /// When the request that waits longest was queued; nothing if nobody waits.
  std::optional<TimePoint> oldest() const;

 private:
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;

  // A queued request; free nodes form a list through `next`. Never shrinks: no allocation once the
  // queue has been as long as it gets.
  struct Node {
    std::uint32_t generation = 1;
    bool queued = false;
    Index previous = kNone, next = kNone;
    int priority = 0;
    std::uint64_t order = 0;  // arrival, over all lanes
    unsigned worker = 0;
    std::uint64_t request = 0;
    int tied_to = kNoServer;
    Avoided avoid{};
    bool awaits_verdict = false;  // nobody could serve when it came
    TimePoint since{};
  };
  struct Lane {
    Index first = kNone, last = kNone;
    std::uint32_t length = 0;
  };

  /// A slot, and the balancer hears of it.
  bool take(int server);
  void drop(int server);
  Lane& lane_of(const Node& node);
  struct Place {
    Index index = kNone;
    std::uint32_t number = 0;  // in its lane, from 1
  };
  Place enqueue(const Ask& ask, int tied_to);
  bool goes_before(const Node& a, const Node& b) const {
    return a.priority != b.priority ? a.priority < b.priority : a.order < b.order;
  }
  /// Whoever waits for `server` (or for any) and stands before a newcomer of this priority.
  bool somebody_before(int tied_to, int priority) const;
  std::optional<Grant> find_surplus();
  /// Brings the limits of servers with minconn up to date; `self` more or fewer are about to be
  /// there than are counted.
  void fit_limits(int self);
  std::uint32_t insert(Index index);  // into its lane, by priority and order; its place, from 1
  void unlink(Index index);   // out of its lane; counts kept
  void dequeue(Index index);  // unlink and free
  /// The first who may have a slot at `server`, or kNone.
  Index first_entitled(int server);
  Grant hand_over(Index index, int server);
  void displace(Index index, Change& change);
  bool entitled(const Node& node, int server) const;
  void count_waiting(int tied_to, int by);

  const Farm& farm_;
  Balancer& balancer_;
  alignas(64) std::atomic<std::uint32_t> waiting_ = 0;  // in all lanes
  std::atomic<std::uint32_t> waiting_any_ = 0;          // in the lane for any server
  std::atomic<std::uint32_t> peak_waiting_ = 0;
  // Written by the main thread.
  std::atomic<bool> elastic_ = false;  // a server has a minconn, and there is a full_conn
  std::atomic<unsigned> full_conn_ = 0;
  std::atomic<unsigned> max_queue_ = 0;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<Node> nodes_;
  Index free_ = kNone;
  Lane any_;
  std::vector<Lane> tied_;
  std::uint64_t arrivals_ = 0;
  std::uint32_t avoiding_ = 0;  // queued ones that avoid a server: it may be free while they wait
};

}  // namespace hapair::balance
