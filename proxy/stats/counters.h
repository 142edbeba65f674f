// The numbers that workers count while they work, and how they add up.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "proxy/stats/average.h"
#include "proxy/stats/rate.h"

namespace hapair::stats {

/// Written by one thread, read by any: no locked instruction.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  Counter& operator++() {
    add();
    return *this;
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  /// By the thread that counts.
  void clear() { value_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

/// How many there are now and the most there ever were: exact across all threads, at the price of
/// a locked instruction. For what the log prints: clients, a frontend's and a backend's sessions.
class Gauge {
 public:
  /// Returns the number with this one.
  std::uint32_t enter() {
    const std::uint32_t now = current_.fetch_add(1, std::memory_order_relaxed) + 1;
    std::uint32_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
    return now;
  }
  void leave() { current_.fetch_sub(1, std::memory_order_relaxed); }
  std::uint32_t current() const { return current_.load(std::memory_order_relaxed); }
  std::uint32_t peak() const { return peak_.load(std::memory_order_relaxed); }
  /// Any thread: the most there are from now on.
  void clear_peak() { peak_.store(current(), std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::uint32_t> current_ = 0;
  std::atomic<std::uint32_t> peak_ = 0;
};

/// Responses by class: 1xx … 5xx and anything else.
class ResponseCounters {
 public:
  void count(int status) { ++by_class_[class_of(status)]; }
  /// `hundreds` 1 … 5; 0: others.
  std::uint64_t value(std::size_t hundreds) const { return by_class_[hundreds].value(); }
  void clear() {
    for (Counter& counter : by_class_) counter.clear();
  }

 private:
  static std::size_t class_of(int status) {
    return status >= 100 && status < 600 ? static_cast<std::size_t>(status / 100) : 0;
  }
  std::array<Counter, 6> by_class_;
};

/// One worker's share of a frontend. Which counter HAProxy's column names is said beside each.
struct alignas(64) FrontendCounters {
  Counter connections;       // conn_tot
  Counter sessions;          // stot
  Counter requests;          // req_tot
  Counter bytes_in;          // bin: from the client
  Counter bytes_out;         // bout: to the client
  Counter denied_requests;   // dreq
  Counter denied_responses;  // dresp
  Counter request_errors;    // ereq: broken, too slow, or aborted before the request was complete
  Counter intercepted;       // answered by ourselves: statistics, redirects
  ResponseCounters responses;
  EventRate connection_rate;  // conn_rate
  EventRate session_rate;     // rate
  EventRate request_rate;     // req_rate

  /// Both by the thread that counts. Rates and what is there now stay.
  void clear_peaks();
  void clear();
};

/// One worker's share of a backend or of one of its servers: both count the same things, a backend
/// also what never reached a server.
struct alignas(64) ServerCounters {
  Counter sessions;           // stot: requests (HTTP) or connections (TCP) it was chosen for
  Counter chosen;             // lbtot: by the balancing algorithm
  Counter requests;           // req_tot; of a server: those that it answered
  Counter bytes_in;           // bin
  Counter bytes_out;          // bout
  Counter denied_requests;    // dreq (backend)
  Counter denied_responses;   // dresp
  Counter connection_errors;  // econ: requests that got no connection, after all attempts
  Counter response_errors;    // eresp: server_aborts among them, but for those that were too slow
  Counter retries;            // wretr
  Counter redispatches;       // wredis
  Counter client_aborts;      // cli_abrt
  Counter server_aborts;      // srv_abrt
  Counter connects;           // connect: new connections
  Counter reuses;             // reuse: requests on a connection that was there
  ResponseCounters responses;  // a server's are those that it gave, a backend's include our own
  EventRate session_rate;                                              // rate
  SlidingAverage queue_time, connect_time, response_time, total_time;  // qtime … ttime, ms
  std::atomic<std::int64_t> last_session_second = -1;                  // steady clock; -1: none yet

  void on_session(TimePoint now) {
    ++sessions;
    session_rate.count(now);
    last_session_second.store(
        std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count(),
        std::memory_order_relaxed);
  }

  /// Both by the thread that counts. Rates and averages stay.
  void clear_peaks();
  void clear();
};
using BackendCounters = ServerCounters;

/// Sums over workers, as plain numbers.
struct FrontendTotals {
  std::uint64_t connections = 0, sessions = 0, requests = 0, bytes_in = 0, bytes_out = 0;
  std::uint64_t denied_requests = 0, denied_responses = 0, request_errors = 0, intercepted = 0;
  std::array<std::uint64_t, 6> responses{};  // [0]: others, [1] … [5]: 1xx … 5xx
  std::uint64_t connection_rate = 0, session_rate = 0, request_rate = 0;
  // The most in one second. Workers' peaks added up: an upper bound when there are several.
  std::uint64_t peak_connection_rate = 0, peak_session_rate = 0, peak_request_rate = 0;

  void add(const FrontendCounters& worker, TimePoint now);
  /// Without rates and peaks.
  void add_counts(const FrontendCounters& worker);
};

struct ServerTotals {
  std::uint64_t sessions = 0, chosen = 0, requests = 0, bytes_in = 0, bytes_out = 0;
  std::uint64_t denied_requests = 0, denied_responses = 0, connection_errors = 0;
  std::uint64_t response_errors = 0, retries = 0, redispatches = 0, client_aborts = 0;
  std::uint64_t server_aborts = 0, connects = 0, reuses = 0;
  std::array<std::uint64_t, 6> responses{};
  std::uint64_t session_rate = 0, peak_session_rate = 0;
  AverageTotal queue_time, connect_time, response_time, total_time;
  std::int64_t last_session_second = -1;

  void add(const ServerCounters& worker, TimePoint now);
};
using BackendTotals = ServerTotals;

}  // namespace hapair::stats
