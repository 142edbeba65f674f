// The last invalid message of every proxy, kept for whoever has to find out who sent it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/address.h"
#include "common/clock.h"
#include "proxy/exchange/access_record.h"

namespace hapair::exchange {

struct CapturedError {
  bool is_response = false;
  std::uint64_t event = 0;  // how many came before it
  WallTime when{};
  std::string frontend;
  std::string backend;  // empty: none was chosen
  std::string server;   // likewise
  SocketAddress client;
  std::string reason;        // "malformed field name"
  std::string bytes;         // as received, or its beginning
  std::size_t size = 0;      // of what was received
  std::size_t position = 0;  // where the error was noticed in it

  /// Whose error it is: requests are their frontend's, responses their backend's.
  const std::string& proxy() const { return is_response ? backend : frontend; }
};

/// Bounded: one message a proxy and side, none longer than kMostBytes, for at most kMostProxies.
class ErrorCaptures {
 public:
  static constexpr std::size_t kMostBytes = 16 * 1024;
  static constexpr std::size_t kMostProxies = 1024;

  /// Any thread. What the record says of frontend, backend, server and client belongs to it.
  void add(bool is_response, const AccessRecord& record, WallTime when, std::string_view reason,
           std::string_view bytes, std::size_t position);

  /// The newest first.
  std::vector<CapturedError> all() const;
  /// How many there were, kept or not.
  std::uint64_t events() const;

 private:
  mutable std::mutex mutex_;
  std::uint64_t events_ = 0;
  std::map<std::pair<bool, std::string>, CapturedError> last_;  // by side and proxy
};

}  // namespace hapair::exchange
