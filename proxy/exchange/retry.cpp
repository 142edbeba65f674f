#include "proxy/exchange/retry.h"

#include <algorithm>

namespace hapair::exchange {
namespace {

bool may_be_sent_twice(const proxy::RetryRules& rules, http::Method method) {
  return rules.any_method || http::is_idempotent(method);
}

}  // namespace

bool is_retryable(const proxy::RetryRules& rules, ResponseFailure failure, http::Method method) {
  const bool named = failure == ResponseFailure::Empty  ? rules.empty_response
                     : failure == ResponseFailure::Junk ? rules.junk_response
                                                        : rules.response_timeout;
  return named && may_be_sent_twice(rules, method);
}

bool is_retryable(const proxy::RetryRules& rules, int status, http::Method method) {
  return std::find(rules.statuses.begin(), rules.statuses.end(), status) != rules.statuses.end() &&
         may_be_sent_twice(rules, method);
}

Retry::Decision Retry::on_failure(bool tied, unsigned others, Duration connect_timeout) {
  if (left_ <= 0) return {};
  --left_;
  if (may_move(others) && (!tied || left_ == 0)) return {Next::OtherServer, {}};
  constexpr Duration kPause = std::chrono::seconds(1);
  return {Next::SameServer, connect_timeout > Duration::zero() ? std::min(kPause, connect_timeout) : kPause};
}

}  // namespace hapair::exchange
