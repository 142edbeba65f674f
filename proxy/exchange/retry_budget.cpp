#include "proxy/exchange/retry_budget.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace hapair::exchange {
namespace {

// Of the share that requests pay in, so many retries may be saved up for a bad moment.
constexpr std::int64_t kMostSaved = 10;
// Nothing is ordered by the account.
constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

RetryBudget::RetryBudget(const proxy::RetryRules::Budget& budget, TimePoint now)
    : limited_(budget.limited),
      per_second_(budget.per_second),
      share_(kRetry * budget.percent / 100),
      most_(kRetry * ((budget.percent > 0 ? kMostSaved : 0) + budget.per_second)),
      saved_(kRetry * budget.per_second),
      paid_until_(now) {}

void RetryBudget::pay(Amount amount) {
  Amount saved = saved_.load(kRelaxed);
  while (saved < most_ &&
         !saved_.compare_exchange_weak(saved, std::min(most_, saved + amount), kRelaxed)) {
  }
}

bool RetryBudget::spend(TimePoint now) {
  if (!limited_) return true;
  TimePoint paid_until = paid_until_.load(kRelaxed);
  if (now > paid_until && paid_until_.compare_exchange_strong(paid_until, now, kRelaxed)) {
    const std::chrono::duration<double> passed = now - paid_until;
    const double due = passed.count() * per_second_ * kRetry;
    pay(static_cast<Amount>(std::llround(std::min(due, static_cast<double>(most_)))));
  }
  Amount saved = saved_.load(kRelaxed);
  while (saved >= kRetry)
    if (saved_.compare_exchange_weak(saved, saved - kRetry, kRelaxed)) return true;
  return false;
}

}  // namespace hapair::exchange
