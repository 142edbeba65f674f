// Keeps repeated requests a small share of all, so that a farm in trouble is not buried under them.
#pragma once

#include <cstdint>

#include "common/clock.h"
#include "proxy/config/retry.h"

namespace hapair::exchange {

/// An account: each request pays in a share of a retry, and so does each second; a retry takes a
/// whole one. What is saved up is bounded, so a long quiet time allows no storm. One a worker: each
/// has its part of what every second brings, and not thread-safe.
class RetryBudget {
 public:
  RetryBudget() = default;  // no limit
  RetryBudget(const proxy::RetryRules::Budget& budget, unsigned workers, TimePoint now);

  void on_request();
  /// False: no retry now.
  bool spend(TimePoint now);

 private:
  bool limited_ = false;
  double share_ = 0;       // of a retry, for each request
  double per_second_ = 0;  // retries
  double most_ = 0;
  double saved_ = 0;
  TimePoint paid_until_{};
};

}  // namespace hapair::exchange
