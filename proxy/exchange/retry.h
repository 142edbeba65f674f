// Decides what follows a connection that could not be made.
#pragma once

#include "common/clock.h"

namespace hapair::exchange {

/// HAProxy's rules: `retries` further attempts; a request that nothing ties to its server goes to
/// another one at once; otherwise the same server is tried again after a pause, and only the last
/// attempt may go elsewhere.
class Retry {
 public:
  struct Settings {
    int retries = 3;
    bool redispatch = true;
    Duration connect_timeout{};  // a pause is never longer
  };
  explicit Retry(const Settings& settings) : settings_(settings), left_(settings.retries) {}
  Retry() = default;

  enum class Next { SameServer, OtherServer, GiveUp };
  struct Decision {
    Next next = Next::GiveUp;
    Duration pause{};
  };
  /// `tied`: persistence chose the server. `others`: usable servers besides the one that failed.
  Decision on_connect_failure(bool tied, unsigned others);

  unsigned attempts_repeated() const { return static_cast<unsigned>(settings_.retries - left_); }
  bool redispatched() const { return redispatched_; }

 private:
  Settings settings_;
  int left_ = 0;
  bool redispatched_ = false;
};

}  // namespace hapair::exchange
