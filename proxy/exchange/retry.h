// Decides what follows an attempt that failed.
#pragma once

#include "common/clock.h"
#include "proxy/config/retry.h"
#include "proxy/http/message.h"

namespace hapair::exchange {

/// What went wrong with a request that a server was given.
enum class ResponseFailure { Empty, Junk, Timeout };

/// The rules name this cause, and sending such a request twice does no harm.
bool is_retryable(const proxy::RetryRules& rules, ResponseFailure failure, http::Method method);
bool is_retryable(const proxy::RetryRules& rules, int status, http::Method method);

/// HAProxy's rules: `attempts` further ones; a request that nothing ties to its server goes to
/// another one at once; otherwise the same server is tried again after a pause, and only the last
/// attempt may go elsewhere. The rules must outlive it.
class Retry {
 public:
  explicit Retry(const proxy::RetryRules& rules) : rules_(&rules), left_(rules.attempts) {}
  Retry() = default;

  enum class Next { SameServer, OtherServer, GiveUp };
  struct Decision {
    Next next = Next::GiveUp;
    Duration pause{};  // never longer than the connect timeout
  };
  /// `tied`: persistence chose the server. `others`: usable servers besides the one that failed.
  Decision on_failure(bool tied, unsigned others, Duration connect_timeout);
  /// The rules let a request go elsewhere, and there is somewhere.
  bool may_move(unsigned others) const { return rules_->redispatch && others > 0; }
  bool has_attempts_left() const { return left_ > 0; }
  /// The attempt under way had its server chosen anew, for want of another the same one.
  bool has_chosen_again() const { return rules_->redispatch && left_ == 0; }

  unsigned attempts_repeated() const {
    return rules_ ? static_cast<unsigned>(rules_->attempts - left_) : 0;
  }

 private:
  const proxy::RetryRules* rules_ = nullptr;
  int left_ = 0;
};

}  // namespace hapair::exchange
