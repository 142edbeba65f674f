// Gets a request, or a TCP connection, to a server: slot, queue, connect, retries.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/loop/loop.h"
#include "proxy/exchange/access_record.h"
#include "proxy/exchange/retry.h"
#include "proxy/health/observation.h"
#include "proxy/runtime/generation.h"
#include "proxy/runtime/server_connection.h"
#include "proxy/runtime/snapshot.h"
#include "proxy/wire/proxy_header.h"

namespace hapair::proxy {

class Worker;

/// How a PROXY header is written for a server with send_proxy.
wire::HeaderStyle header_style(const SendProxy& how);
/// What our own connections to such a server begin with; empty for another.
std::string local_header(const std::optional<SendProxy>& how);

/// Who wants to be dispatched. Also hears of the connection once there is one.
class DispatchUser : public ServerUser {
 public:
  /// dispatch.connection() can be written to.
  virtual void on_dispatched() = 0;
  /// No server could be reached; nothing is held any more. The termination says why (SC, sC, sQ).
  virtual void on_dispatch_failed(exchange::Termination why) = 0;
  /// Who is connected to us, and to where: what a server with send_proxy is told.
  virtual wire::Endpoints endpoints() = 0;
  /// Whose connection to the server it is when that is private (Session::id).
  virtual std::uint64_t client() const = 0;

 protected:
  ~DispatchUser() = default;
};

/// Holds at most one slot and one connection. Reused for one request after another; lives on its
/// worker's thread.
class Dispatch final : public ServerUser {
 public:
  Dispatch(Worker& worker, DispatchUser& user);
  /// Closes a connection that is still in use: at the end of its worker.
  ~Dispatch();

  enum class Reuse : std::uint8_t {
    Never,   // a connection of its own
    Fresh,   // only one that was in use a moment ago: what is sent on it must not be repeated
    Always,
  };
  /// What is known of a request before a server is chosen.
  struct Order {
    std::optional<std::uint64_t> key{};  // of the backend's algorithm, if that hashes
    // The servers that persistence ties this to, while one of them is up; none: any will do. They
    // live until forget().
    std::span<const int> homes{};
    // In the queue lower ones go first. A frontend has one; whoever routes may set another for his
    // requests here.
    int priority = 0;
    bool has_private = false;  // the client may have a connection of its own to the server
  };
  /// From here until forget() it is this backend's, which counts it.
  void enter(BackendState& backend);
  /// Finds a server of that backend. Answers, at once or later, with one of the user's two calls.
  /// `record` hears of server, times, queue places and retries; it must live until release() or
  /// failure.
  void start(Reuse reuse, const Order& order, exchange::AccessRecord& record);
  /// Once more with the same server on a new connection: the reused one turned out to be dead.
  void repeat();
  /// There are attempts left, and the backend's budget pays for one more request to a server that
  /// has been given this one already. True once means: call try_again().
  bool may_try_again();
  /// The server failed the request: on to another, or to the same one after a pause.
  void try_again();

  /// Null before enter().
  BackendState* backend() const { return backend_; }
  /// The server chosen last; null before there was one.
  ServerState* server() const;
  /// That server while its slot is held, else null.
  const balance::Server* held_server() const {
    return holds_slot_ ? server()->live.get() : nullptr;
  }
  /// Where that server stands in backend(); kNoServer if it came with a later configuration.
  int server_index() const;
  /// Where it stands in its backend as that is now.
  int newest_server_index() const { return server_; }
  BackendState* newest_backend() const { return newest_; }
  ServerConnection* connection() const { return connection_; }
  /// Asks the kernel for our end of that connection and answers where in `storage` it is; null if
  /// there is no connection, or one of a Unix socket.
  const SocketAddress* source(SocketAddress& storage) const;
  /// The connection served somebody else before.
  bool is_reused() const { return reused_; }
  /// When it gives up waiting, or this attempt; kNever while it does neither.
  TimePoint deadline() const { return timer_.deadline(); }
  bool is_queued() const { return phase_ == Phase::Queued; }
  bool is_connected() const { return phase_ == Phase::Connected; }

  /// Counters of the server and of the backend that this worker writes.
  template <typename Change>
  void count(Change change) {
    count_at_server(change);
    count_at_backend(change);
  }
  template <typename Change>
  void count_at_server(Change change) {
    if (ServerState* chosen = server()) change(counters_of(*chosen));
  }
  template <typename Change>
  void count_at_backend(Change change) {
    if (backend_) change(counters_of(*backend_));
  }

  /// To the averages, if it came as far as a server. HAProxy's: a TCP connection waits from its
  /// accept on, and has no response time.
  static void add_times(stats::ServerCounters& counters, const exchange::AccessRecord& record);

  /// What the server has shown of its health. Costs a branch where nobody asked for it.
  void witness(health::Evidence evidence) {
    if (observed_) [[unlikely]]
      testify(evidence);
  }

  /// Done with the connection: kept for another request if `reusable` and clean, else closed.
  void release_connection(bool reusable);
  /// Gives back whatever is held, waited for or being tried. Nothing is called afterwards.
  void release();
  /// The server is down and will not be waited for: while connecting, as if the attempt had failed.
  void on_server_lost();
  /// Forgets backend and server, after the last question about them.
  void forget();

  // From the worker, when it has a new snapshot.

  /// What it holds counts in the newest state of its backend. Calls nobody; whoever is queued stays
  /// so until queue_anew().
  void on_reload();
  /// Takes its place in the newest queue, before all who came later. May be granted or fail at once.
  void queue_anew();

  /// From the worker: the slot this waits for, as its ticket was answered; kNoServer: none, ask
  /// again.
  void on_granted(int server);

  // ServerUser, while connecting.
  void on_server_connected() override;
  void on_server_connect_failed(int error_number) override;
  void on_server_readable() override {}
  void on_server_drained() override {}
  void on_server_progress() override {}
  void on_server_broken() override {}

 private:
  enum class Phase : std::uint8_t { Idle, Queued, Connecting, Pausing, Connected };

  /// What only those have who must wait, whose server fails, or whose pool a reload has replaced:
  /// most connections do not, and there may be many.
  struct Setback {
    balance::Admission::Ticket ticket = 0;
    std::uint64_t arrival = 0;  // its place in the order of those that wait; 0: it has none
    TimePoint queued_at{};
    std::uint64_t waiting_as = 0;  // what the worker knows us by while queued
    balance::Avoided avoided;      // in newest_
    GenerationUse pool;            // of connection_, where newest_ has another one
  };
  Setback& setback();

  /// Where `server` of newest_ stands in the newest state of the backend, which is newest_ from now
  /// on. False: it is not there, and nothing has changed.
  bool follow(int& server);
  /// The same without a server in mind, which cannot fail.
  void follow();
  void keep_pool(BackendState& next, int server);
  /// Where one of its homes stands in newest_; kNoServer if it does not.
  int newest_home(int home) const;
  /// The server this is tied to, none that failed, which is up or at least awaited; kNoServer: any
  /// will do.
  int tie() const;
  stats::ServerCounters& counters_of(ServerState& server) const;
  stats::BackendCounters& counters_of(BackendState& backend) const;
  void ask();
  /// On to another server than the one that failed.
  void ask_elsewhere();
  void take(int server);
  void testify(health::Evidence evidence);
  void reach();
  /// Says whose connection it is. False: it is broken.
  bool announce();
  void connected();
  unsigned other_usable_servers() const;
  void retry(exchange::Termination why);
  void go_on(exchange::Termination why);
  void post_surplus();
  void give_up(exchange::Termination why);
  void fail(exchange::Termination why);
  void release_slot();
  void on_timeout();

  Worker& worker_;
  DispatchUser& user_;
  Timer timer_;
  // What goes on keeps to the configuration it began with; slots and queue belong to the servers as
  // they are now. The two differ only while a request outlives a reload.
  BackendState* backend_ = nullptr;  // whose settings it follows
  BackendState* newest_ = nullptr;   // whose servers, slots and queue it uses
  GenerationUse kept_;               // of newest_, where that is not in the worker's snapshot
  ServerConnection* connection_ = nullptr;
  exchange::AccessRecord* record_ = nullptr;
  exchange::Retry retry_;
  Order order_;
  std::unique_ptr<Setback> setback_;  // made when first needed, then kept
  int server_ = balance::kNoServer;
  Phase phase_ = Phase::Idle;
  Reuse reuse_ = Reuse::Never;
  bool reused_ = false;
  bool holds_slot_ = false;
  bool observed_ = false;   // its traffic counts for its health
  bool announces_ = false;  // its connections begin with a PROXY header
};

}  // namespace hapair::proxy
