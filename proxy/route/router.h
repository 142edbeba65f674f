// Finds the route of a request: the first whose conditions hold.
#pragma once

#include <span>

#include "common/address.h"
#include "proxy/config/route.h"
#include "proxy/http/message.h"

namespace hapair::route {

/// What routes may look at. Lives as long as the question takes.
struct Subject {
  const http::RequestHead* request = nullptr;  // null: a TCP connection
  const SocketAddress* source = nullptr;
  const SocketAddress* destination = nullptr;  // may be null if !needs_destination()
};

struct Verdict {
  const proxy::Route* route = nullptr;  // null: none matches
  /// The path has several readings (target_path.h) and a route's answer depends on it: the request
  /// is to be refused.
  bool ambiguous_path = false;
};

/// Any thread may ask one at any time.
class Router {
 public:
  /// `routes` must outlive this.
  explicit Router(std::span<const proxy::Route> routes);

  bool empty() const { return routes_.empty(); }
  /// A route looks at the address the client connected to.
  bool needs_destination() const { return needs_destination_; }
  Verdict choose(const Subject& subject) const;

 private:
  std::span<const proxy::Route> routes_;
  bool needs_destination_ = false;
};

}  // namespace hapair::route
