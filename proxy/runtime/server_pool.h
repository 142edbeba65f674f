// One worker's connections to one server: those in use and those that wait for use.
#pragma once

#include <memory>
#include <vector>

#include "common/loop/loop.h"
#include "proxy/runtime/server_connection.h"

namespace hapair::proxy {


/// Discarded connections, until no event of this turn can name them any more.
using ServerGraveyard = std::vector<std::unique_ptr<ServerConnection>>;

class ServerPool {
 public:
  /// An idle connection older than this is closed: servers close theirs after 5 s and more
  /// (Apache's default), and a request that meets such an end must be sent again.
  static constexpr Duration kIdleLimit = std::chrono::seconds(4);

  ServerPool(Loop& loop, BufferPool& buffers, ServerGraveyard& graveyard)
      : loop_(loop), buffers_(buffers), graveyard_(graveyard) {}
  ~ServerPool();

  /// The connection that became idle last, if it has not waited longer than `most`; or null.
  ServerConnection* take_idle(ServerUser& user, Duration most);
  /// Connects anew; null and an errno if that failed at once.
  ServerConnection* open(const SocketAddress& to, const Approach& approach,
                         ServerUser& user, int& error_number);

  /// After a complete exchange: keeps it for another request.
  void keep(ServerConnection& connection);
  /// Closes a connection that is in use.
  void discard(ServerConnection& connection, bool reset = false);

  void close_overdue(TimePoint now);
  /// The server is elsewhere now: closes what is idle, and keeps nothing that was opened before.
  void renew();
  std::size_t idle() const { return idle_.size(); }

  void on_idle_event(ServerConnection& connection);
 private:
  Loop& loop_;
  BufferPool& buffers_;
  std::vector<ServerConnection*> idle_;  // oldest first
  ServerGraveyard& graveyard_;
  std::uint32_t age_ = 0;  // how often it was renewed
};

}  // namespace hapair::proxy
