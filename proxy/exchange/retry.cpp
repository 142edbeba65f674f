#include "proxy/exchange/retry.h"

#include <algorithm>

namespace hapair::exchange {

Retry::Decision Retry::on_connect_failure(bool tied, unsigned others) {
  if (left_ <= 0) return {};
  --left_;
  const bool may_move = settings_.redispatch && others > 0;
  if (may_move && (!tied || left_ == 0)) {
    redispatched_ = true;
    return {Next::OtherServer, {}};
  }
  constexpr Duration kPause = std::chrono::seconds(1);
  const Duration limit = settings_.connect_timeout;
  return {Next::SameServer, limit > Duration::zero() ? std::min(kPause, limit) : kPause};
}

}  // namespace hapair::exchange
