// One worker's connections to one server: those in use and those that wait for use.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/loop/loop.h"
#include "proxy/balance/server.h"
#include "proxy/runtime/server_connection.h"

namespace hapair::proxy {

/// Discarded connections, until no event of this turn can name them any more.
using ServerGraveyard = std::vector<std::unique_ptr<ServerConnection>>;

class ServerPool {
 public:
  /// An idle connection older than this is closed: servers close theirs after 5 s and more
  /// (Apache's default), and a request that meets such an end must be sent again.
  static constexpr Duration kIdleLimit = std::chrono::seconds(4);

  /// One that waits for less than this is one of a busy server's, and about to be used. To close it
  /// would cost a connection for each request.
  static constexpr Duration kSpareAfter = std::chrono::milliseconds(20);

  ServerPool(Loop& loop, BufferPool& buffers, ServerGraveyard& graveyard,
             std::shared_ptr<balance::Server> server)
      : loop_(loop), buffers_(buffers), graveyard_(graveyard), server_(std::move(server)) {}
  ~ServerPool();

  /// The connection that became idle last, if it has not waited longer than `most`; or null.
  ServerConnection* take_idle(ServerUser& user, Duration most);
  /// The one that waits for this client and nobody else; or null.
  ServerConnection* take_private(std::uint64_t client, ServerUser& user);
  bool has_private(std::uint64_t client) const { return private_.contains(client); }
  bool has_private() const { return !private_.empty(); }
  /// Connects anew, to a place of the server; null and an errno if that failed at once.
  ServerConnection* open(const SocketAddress& to, const Approach& approach,
                         ServerUser& user, int& error_number);

  /// After open(): where the server is overrun by it, the oldest one that waits is closed. False:
  /// none waits here, but in another worker's pool.
  bool make_room();

  /// After a complete exchange: keeps it for another request.
  void keep(ServerConnection& connection);
  /// The same for a connection that is one client's own (Session::id): until it asks for it again
  /// or leaves, however long that takes, as if the two were connected to each other.
  void keep_private(std::uint64_t client, ServerConnection& connection);
  void close_private(std::uint64_t client);
  /// Closes a connection that is in use.
  void discard(ServerConnection& connection, bool reset = false);

  void close_overdue(TimePoint now);
  /// While the server is overrun: closes those that wait and are not about to be used.
  void shed();
  /// Nobody will come for those that wait.
  void close_all();
  /// The server is elsewhere now: closes what is idle, and keeps nothing that was opened before.
  void renew();
  Loop& loop() const { return loop_; }
  std::size_t idle() const { return idle_.size(); }

  void on_idle_event(ServerConnection& connection);

 private:
  void let_wait(ServerConnection& connection);
  void count(ServerConnection& connection);
  void uncount(ServerConnection& connection);

  Loop& loop_;
  BufferPool& buffers_;
  std::vector<ServerConnection*> idle_;  // oldest first
  std::unordered_map<std::uint64_t, ServerConnection*> private_;  // by client
  ServerGraveyard& graveyard_;
  const std::shared_ptr<balance::Server> server_;
  std::uint32_t age_ = 0;  // how often it was renewed
};

}  // namespace hapair::proxy
