// The socket of one server's probes, used again from probe to probe.
#pragma once

#include <cstdint>
#include <optional>

#include "common/address.h"
#include "proxy/config/approach.h"
#include "common/loop/loop.h"

namespace hapair::proxy {

/// A good probe ends with a reset that leaves the socket unconnected and in the loop's set, so that
/// the next one costs a connect() and a reset and nothing else (README). After a bad probe the
/// socket is closed, since whatever was wrong with it must not stay.
class ProbeSocket {
 public:
  /// Who talks first once the connection stands. If it is not the server, the last packet of the
  /// handshake is held back: it leaves with our first bytes, or never.
  enum class First : std::uint8_t { Us, Server };

  /// `watcher` hears of the socket's events, also of late ones between probes.
  ProbeSocket(Loop& loop, Watcher& watcher) : loop_(loop), watcher_(watcher) {}
  ~ProbeSocket() { close(); }
  ProbeSocket(const ProbeSocket&) = delete;
  ProbeSocket& operator=(const ProbeSocket&) = delete;

  /// Begins to connect. Answers 0 or an errno: of the server's (ECONNREFUSED, ENETUNREACH) or our
  /// own (EMFILE, EADDRNOTAVAIL).
  int connect(const SocketAddress& to, const Approach& approach, First first);
  /// The connection is of no more use: reset, the socket kept for the next connect().
  void end_good();
  /// Resets the connection and gives the descriptor up.
  void close();

  /// Between connect() and the end of that probe.
  bool in_use() const { return in_use_; }
  int fd() const { return fd_; }

 private:
  bool connect_again(const SocketAddress& to);

  Loop& loop_;
  Watcher& watcher_;
  int fd_ = -1;
  bool in_use_ = false;
};

}  // namespace hapair::proxy
