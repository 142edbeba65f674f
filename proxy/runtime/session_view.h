// One client's connection as an operator sees it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/address.h"
#include "common/clock.h"

namespace hapair::proxy {

struct SessionView {
  std::uint64_t id = 0;
  unsigned worker = 0;
  bool http = true;
  SocketAddress client;
  TimePoint accepted{};
  TimePoint expires = kNever;  // when it ends if nothing happens
  std::string frontend;
  std::string backend;  // empty: no request under way has chosen one
  std::string server;   // empty: likewise
  SocketAddress server_address;
  std::string phase;         // "idle", "request", "queue", "connect", "response", "data", "closing"
  std::string request_line;  // of the request under way
  std::uint64_t bytes_out = 0;  // of the request under way, or the connection (TCP), so far
  std::uint32_t retries = 0;
};

}  // namespace hapair::proxy
