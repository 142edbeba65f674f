// Which failures a request may survive by being sent again, and how often that may happen.
#pragma once

#include <cstdint>
#include <vector>

namespace hapair::proxy {

struct RetryRules {
  int attempts = 3;        // further ones after the first
  bool redispatch = true;  // the last retry (or any, when nothing ties the request) may change server

  // What is tried again.
  bool conn_failure = true;      // no connection: the request was never sent
  bool empty_response = false;   // sent, and the connection ended without a byte
  bool junk_response = false;    // what came is no HTTP response
  bool response_timeout = false;
  std::vector<int> statuses;     // the server said so itself
  bool any_method = false;       // what was sent is sent again though it may be done twice

  /// Retries of requests that a server has already been given, which are work for the farm twice: no
  /// more than `percent` of all requests, but always `per_second` of them.
  struct Budget {
    bool limited = true;
    unsigned percent = 20;
    unsigned per_second = 10;
  };
  Budget budget;

  /// Something is tried again after a request was sent.
  bool heeds_responses() const {
    return empty_response || junk_response || response_timeout || !statuses.empty();
  }
};

}  // namespace hapair::proxy
