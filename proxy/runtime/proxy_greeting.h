// The beginning of a connection on a listener with accept_proxy: waits for the PROXY header that
// says who the client is, then hands the connection over as that client's.
#pragma once

#include "common/address.h"
#include "common/loop/loop.h"
#include "proxy/runtime/session.h"

namespace hapair::proxy {

class Worker;

/// Takes exactly the header off the connection, so whoever serves it begins at the client's first
/// byte. No header, or a wrong one: the connection is reset, and the log says why.
class ProxyGreeting final : public Session {
 public:
  /// `listener` is the number of the bind, for the log.
  ProxyGreeting(Worker& worker, Generation& generation, FrontendState& frontend, int fd,
                const SocketAddress& peer, std::uint16_t listener);
  ~ProxyGreeting();

  void on_ready(std::uint32_t events) override;
  void on_reload() override;
  void describe(SessionView& view) const override;
  const balance::Server* server() const override { return nullptr; }
  void end_because(EndCause) override;
  void on_drain() override {}  // whoever greets is served, and told then
  /// Resets the connection and says why. No reason: it ended without a byte, as the probes of a
  /// balancer in front of us do.
  void refuse(std::string_view why);

  using Session::generation;

 private:
  void hand_over(const SocketAddress& client, const SocketAddress* destination);

  Worker& worker_;
  Timer timer_;
  const SocketAddress peer_;
  const std::uint16_t listener_;
  const TimePoint accepted_;
  int fd_;
};

}  // namespace hapair::proxy
