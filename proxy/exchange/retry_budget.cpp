#include "proxy/exchange/retry_budget.h"

#include <algorithm>

namespace hapair::exchange {
namespace {

// Of the share that requests pay in, so many retries may be saved up for a bad moment.
constexpr double kMostSaved = 10;

}  // namespace

RetryBudget::RetryBudget(const proxy::RetryRules::Budget& budget, unsigned workers, TimePoint now)
    : limited_(budget.limited),
      share_(budget.percent / 100.0),
      per_second_(static_cast<double>(budget.per_second) / workers),
      // A whole one at least, or a small part of a second's would never become one.
      most_((budget.percent > 0 ? kMostSaved : 0) +
            (budget.per_second > 0 ? std::max(1.0, per_second_) : 0)),
      saved_(budget.per_second > 0 ? std::max(1.0, per_second_) : 0),
      paid_until_(now) {}

void RetryBudget::on_request() { saved_ = std::min(most_, saved_ + share_); }

bool RetryBudget::spend(TimePoint now) {
  if (!limited_) return true;
  const std::chrono::duration<double> passed = now - paid_until_;
  saved_ = std::min(most_, saved_ + std::max(0.0, passed.count()) * per_second_);
  paid_until_ = now;
  if (saved_ < 1 - 1e-9) return false;  // tenths add up to a little less than one
  saved_ -= 1;
  return true;
}

}  // namespace hapair::exchange
