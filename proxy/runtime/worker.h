// One thread that serves clients: its listeners, sessions, server connections and buffers.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/loop/log_shipper.h"
#include "common/loop/loop.h"
#include "proxy/exchange/access_record.h"
#include "proxy/exchange/log_line.h"
#include "proxy/runtime/client_session.h"
#include "proxy/runtime/generation.h"
#include "proxy/runtime/proxy_greeting.h"
#include "proxy/runtime/relay_session.h"
#include "proxy/runtime/request_relay.h"
#include "proxy/runtime/session_view.h"
#include "proxy/runtime/snapshot.h"
#include "proxy/runtime/stats_service.h"

namespace hapair::proxy {

class Worker;

/// One listening socket of one worker. Accepts while the limits allow; above them connections wait
/// in the kernel's queue.
class Acceptor final : public Watcher {
 public:
  /// `id` names the listener among all workers' sockets of its address.
  Acceptor(Worker& worker, FrontendState& frontend, const Bind& bind, std::uint64_t id, int fd);
  ~Acceptor();
  std::uint64_t id() const { return id_; }
  /// From now on its connections are this one's.
  void serve(FrontendState& frontend, const Bind& bind);
  void on_ready(std::uint32_t events) override;
  /// A client left: there may be room again.
  void on_room();
  /// Somebody may have closed the frontend, or opened it again.
  void obey_operator();
  /// Before it closes: accepts those the kernel has answered already, who would be reset.
  void finish();
  /// The kernel lets it; that the limits of clients do not, or an operator, is as it should be.
  bool is_working() const { return !failing_; }

 private:
  static constexpr int kNoEnd = -1;  // accepts
  bool has_room() const;
  /// Hears of clients while it can take some: what is level-triggered would not let the loop rest.
  void watch(bool on);
  void pause();
  /// Until nobody waits, there is no room, or `most` have come.
  void accept(int most);

  Worker& worker_;
  FrontendState* frontend_;
  const Bind* bind_;
  const std::uint64_t id_;
  const int fd_;
  bool watched_ = false;
  bool paused_ = false;  // connections may wait in the kernel
  bool closed_ = false;  // by an operator or the file
  bool failing_ = false;  // no descriptor or no memory for the last one
};

/// Posts a slot to the worker whose request waited for it.
using PostGrant = std::function<void(const balance::Grant&, BackendState&)>;
/// Tells the main thread of so many errors in a row of one server's traffic.
using PostErrors = std::function<void(const std::shared_ptr<balance::Server>&, unsigned errors,
                                      health::Evidence last)>;

/// Asks the other workers to close connections to it that only wait.
using PostRoom =
    std::function<void(const std::shared_ptr<balance::Server>&, unsigned asking_worker)>;

class Worker {
 public:
  static constexpr std::size_t kScratch = 64 * 1024;

  struct Listener {
    FrontendState* frontend = nullptr;
    const Bind* bind = nullptr;  // of the frontend
    std::uint64_t id = 0;
    int fd = -1;  // owned by the worker from here on; -1: the worker has the socket already
  };
  /// `extra_log` is where lines go beside the snapshot's targets. Made on the main thread;
  /// everything else but post() happens on the worker's own.
  Worker(std::shared_ptr<Snapshot> snapshot, unsigned index, StatsService& statistics,
         const std::vector<LogTarget>& extra_log, std::vector<Listener> listeners,
         PostGrant post_grant, PostErrors post_errors, PostRoom post_room);
  ~Worker();

  void start();
  /// Ends the thread; connections are closed by the destructor.
  void stop();
  /// That its thread has had so far. Of whoever starts and stops it.
  Duration processor_time() const;
  /// Thread-safe.
  void post(std::function<void()> work) { loop_.post(std::move(work)); }
  /// Serves by `snapshot` from now on. Listeners that it does not name are closed, and what goes on
  /// under an older snapshot uses the newest one's slots and queues.
  void adopt(std::shared_ptr<Snapshot> snapshot, std::vector<Listener> listeners);
  /// Closes the listeners, lets the sessions come to their end. Calls back once, on this thread, when
  /// the last is gone.
  void drain(std::function<void()> on_drained);
  /// A slot for request `grant.request`, or, if that is gone, for the next one that waits.
  void on_grant(const balance::Grant& grant, BackendState& backend);

  /// Its listening sockets work. While it drains it has none.
  bool is_accepting() const;

  // For operators.

  std::vector<SessionView> view_sessions() const;
  /// False: it is not here (any more).
  bool end_session(std::uint64_t id);
  void end_sessions_of(const balance::Server& server, EndCause cause);
  /// Ends, for an operator, what view_sessions() shows at a server of this name, whatever
  /// configuration it is of. How many there were.
  std::size_t end_sessions_at(std::string_view backend, std::string_view server);
  void end_all_sessions();
  /// Opens and closes listening sockets as FrontendRecord::door says, and lets in who waits and has
  /// room now.
  void obey_operator();
  /// Its connections of before lead elsewhere: none of them serves another request.
  void on_server_moved(const balance::Server& server);
  /// Another worker needs a connection to it that would be one too many.
  void make_room(const balance::Server& server);
  /// Of all frontends, and of the newest snapshot's servers: peaks, or all that is counted.
  void clear_counters(bool all);

  // For sessions and relays.
  Loop& loop() { return loop_; }
  BufferPool& buffers() { return buffers_; }
  /// The newest; a session may still serve by an older one.
  Snapshot& snapshot() { return *current_->snapshot; }
  Generation& generation() { return *current_; }
  /// New requests are served by it, and it is not the end of them.
  bool serves_by(const Generation& generation) const { return &generation == serving_; }
  bool is_draining() const { return serving_ == nullptr; }
  StatsService& statistics() { return statistics_; }
  unsigned index() const { return index_; }
  /// Bytes just received; overwritten by the next read.
  char* scratch() { return scratch_.data(); }
  /// Bytes about to be sent: kScratch of them. Who writes there asserts that they fit.
  char* out() { return out_.data(); }
  ServerPool& pool(const BackendState& backend, int server) {
    return *generation_of(backend).pools[backend.index][static_cast<std::size_t>(server)];
  }
  Generation& generation_of(const BackendState& backend) {
    if (&backend.snapshot == &snapshot()) return *current_;
    return older_generation_of(backend);
  }
  /// The same backend in the newest snapshot, or the one given if there is none: whose slots and
  /// queue are in force.
  BackendState& newest(BackendState& backend) {
    if (&backend.snapshot == &snapshot()) return backend;
    BackendState* heir = snapshot().find(backend.config);
    return heir ? *heir : backend;
  }
  /// Gives a slot back where those wait who may have it.
  void release_slot(BackendState& backend, int server);
  /// Closes the server connections that wait for use, for their descriptors; clients' own ones only
  /// where there is no other. False: there were none.
  bool close_idle();
  /// A client leaves: closes the server connections that were its own.
  void close_private(std::uint64_t client);
  RequestRelay& take_relay();
  /// A name for somebody who may have to wait for a slot; never used again.
  std::uint64_t next_waiter() { return ++last_waiter_; }
  void await_grant(std::uint64_t name, Dispatch& dispatch) { waiters_.emplace(name, &dispatch); }
  void stop_waiting(std::uint64_t name) { waiters_.erase(name); }
  void give_back(RequestRelay& relay) { free_relays_.push_back(&relay); }
  /// A connection that `bind`, one of the frontend's, has accepted.
  void admit(FrontendState& frontend, const Bind& bind, int fd, const SocketAddress& peer);
  /// The greeting is over: its connection is `client`'s, who connected to `destination` (null: to
  /// where it did).
  void on_announced(ProxyGreeting& greeting, int fd, const SocketAddress& client,
                    const SocketAddress* destination);
  /// A connection that was closed before anybody was served on it.
  void log_refusal(const FrontendState& frontend, const SocketAddress& peer, unsigned listener,
                   std::string_view why);
  void retire(Session& session);
  void post_grant(const std::optional<balance::Grant>& grant, BackendState& backend) {
    if (grant) post_grant_(*grant, backend);
  }
  void report_errors(const std::shared_ptr<balance::Server>& server, unsigned errors,
                     health::Evidence last) {
    post_errors_(server, errors, last);
  }
  /// Its connections are all open, and those that wait for use are other workers'.
  void ask_for_room(const std::shared_ptr<balance::Server>& server) { post_room_(server, index_); }
  /// Keeps an invalid message for `show errors`. `bytes` need not be all of it.
  void capture_error(bool is_response, const exchange::AccessRecord& record, http::H1Error error,
                     std::string_view bytes, std::size_t position) {
    snapshot().process->errors.add(is_response, record, wall_now(), http::to_string(error), bytes,
                                   position);
  }
  /// Writes what the log format of the session's frontend makes of it. `client` is the session's
  /// connection, still open.
  void log_access(const Session& session, const StreamSocket& client,
                  exchange::AccessRecord& record);
  LogShipper& log() { return log_; }

 private:
  void log_pattern(const LogPattern& pattern, LogRoute route, Severity severity,
                   const exchange::AccessRecord& record);
  template <typename SessionType, typename... Extra>
  SessionType& add_session(Generation& generation, FrontendState& frontend, int fd,
                           const SocketAddress& peer, Extra... extra);
  /// The session that serves the client, for whatever the frontend speaks.
  void serve(Generation& generation, FrontendState& frontend, int fd, const SocketAddress& peer,
             const SocketAddress* destination);
  void greet(FrontendState& frontend, const Bind& bind, int fd, const SocketAddress& peer);
  void remove(Session& session);
  template <typename Chosen>
  std::size_t end_sessions_if(Chosen chosen, EndCause cause);
  Generation& older_generation_of(const BackendState& backend);
  std::unique_ptr<Generation> make_generation(std::shared_ptr<Snapshot> snapshot);
  void listen(const std::vector<Listener>& listeners);
  template <typename Visit>
  void for_each_pool(Visit visit);
  template <typename Visit>
  void for_each_pool_of(const balance::Server& server, Visit visit);
  void sweep();
  void bury();

  const unsigned index_;
  StatsService& statistics_;
  PostGrant post_grant_;
  PostErrors post_errors_;
  PostRoom post_room_;
  Loop loop_;
  LogShipper log_;
  const std::vector<LogTarget> extra_log_;  // of every frontend, whatever its own say
  BufferPool buffers_;
  exchange::AccessClock access_clock_;
  ServerGraveyard dead_servers_;
  std::unique_ptr<Generation> current_;
  const Generation* serving_ = nullptr;  // current_; null while draining
  std::function<void()> on_drained_;     // empty once it was called
  std::vector<std::unique_ptr<Generation>> older_;  // still in use
  std::vector<std::unique_ptr<Session>> dead_sessions_;
  std::deque<RequestRelay> relays_;                              // never shrinks
  std::vector<RequestRelay*> free_relays_;
  std::unordered_map<std::uint64_t, Dispatch*> waiters_;  // those in a queue
  std::uint64_t last_waiter_ = 0;
  std::uint64_t last_session_ = 0;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  Timer sweep_timer_;
  alignas(64) std::array<char, kScratch> scratch_;
  alignas(64) std::array<char, kScratch> out_;
  std::thread thread_;
};

}  // namespace hapair::proxy
