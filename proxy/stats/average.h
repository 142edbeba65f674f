// The average of the last thousand or so values.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace hapair::stats {

/// An exponential window of 1024 values (HAProxy's qtime, ctime, rtime, ttime), a plain mean until
/// there are as many. One thread writes, any reads.
class SlidingAverage {
 public:
  static constexpr std::uint64_t kWindow = 1024;

  void add(std::uint64_t value) {
    const std::uint64_t count = count_.load(std::memory_order_relaxed);
    std::uint64_t sum = sum_.load(std::memory_order_relaxed);
    if (count >= kWindow) sum -= (sum + kWindow - 1) / kWindow;
    sum_.store(sum + value, std::memory_order_relaxed);
    if (count < kWindow) count_.store(count + 1, std::memory_order_relaxed);
    if (value > peak_.load(std::memory_order_relaxed))
      peak_.store(value, std::memory_order_relaxed);
  }
  std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  std::uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }
  /// By the thread that adds.
  void clear_peak() { peak_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> sum_ = 0;
  std::atomic<std::uint64_t> count_ = 0;  // up to kWindow
  std::atomic<std::uint64_t> peak_ = 0;
};

/// Workers' averages put together, each weighted by its number of values.
struct AverageTotal {
  std::uint64_t sum = 0, count = 0, peak = 0;

  void add(const SlidingAverage& worker) {
    sum += worker.sum();
    count += worker.count();
    peak = std::max(peak, worker.peak());
  }
  std::uint64_t value() const { return count == 0 ? 0 : sum / count; }
};

}  // namespace hapair::stats
