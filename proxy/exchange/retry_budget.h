// Keeps repeated requests a small share of all, so that a farm in trouble is not buried under them.
#pragma once

#include <atomic>
#include <cstdint>

#include "common/clock.h"
#include "proxy/config/retry.h"

namespace hapair::exchange {

/// An account: each request pays in a share of a retry, and so does each second; a retry takes a
/// whole one. What is saved up is bounded, so a long quiet time allows no storm. One a backend,
/// which all workers use: any thread.
class RetryBudget {
 public:
  RetryBudget(const proxy::RetryRules::Budget& budget, TimePoint now);

  void on_request() { pay(share_); }
  /// False: no retry now.
  bool spend(TimePoint now);

 private:
  /// Millionths of a retry.
  using Amount = std::int64_t;
  static constexpr Amount kRetry = 1'000'000;

  void pay(Amount amount);

  const bool limited_;
  const unsigned per_second_;
  const Amount share_;  // of each request
  const Amount most_;
  std::atomic<Amount> saved_;
  std::atomic<TimePoint> paid_until_;  // whoever moves it on pays for the time between
};

}  // namespace hapair::exchange
