#include "proxy/runtime/dispatch.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/runtime/worker.h"
#include "proxy/wire/proxy_header.h"

namespace hapair::proxy {
namespace {

using exchange::Retry;

// A request that must not be repeated goes out on an idle connection only while its server cannot
// be about to close it.
constexpr Duration kFreshEnough = 1s;

std::uint64_t milliseconds_between(TimePoint from, TimePoint to) {
  if (from == kNever || to == kNever || to < from) return 0;
  return static_cast<std::uint64_t>(to_milliseconds(to - from));
}

}  // namespace

wire::HeaderStyle header_style(const SendProxy& how) {
  return {.version = how.version == SendProxy::Version::V1 ? wire::HeaderVersion::V1
                                                           : wire::HeaderVersion::V2,
          .crc32c = how.crc32c};
}

std::string local_header(const std::optional<SendProxy>& how) {
  if (!how) return {};
  char header[wire::kHeaderRoom];
  return {header, wire::encode_local_header(header_style(*how), header)};
}

Dispatch::Dispatch(Worker& worker, DispatchUser& user)
    : worker_(worker), user_(user), timer_(worker.loop(), [this] { on_timeout(); }) {}

Dispatch::~Dispatch() { release_connection(false); }

ServerState* Dispatch::server() const {
  return server_ == balance::kNoServer
             ? nullptr
             : newest_->servers[static_cast<std::size_t>(server_)].get();
}

stats::ServerCounters& Dispatch::counters_of(ServerState& server) const {
  return server.counters[worker_.index()];
}

stats::BackendCounters& Dispatch::counters_of(BackendState& backend) const {
  return backend.counters[worker_.index()];
}

void Dispatch::add_times(stats::ServerCounters& counters, const exchange::AccessRecord& record) {
  if (record.connected == kNever) return;
  const TimePoint begin = record.received != kNever ? record.received : record.start;
  counters.queue_time.add(milliseconds_between(begin, record.dequeued));
  counters.connect_time.add(milliseconds_between(record.dequeued, record.connected));
  counters.response_time.add(milliseconds_between(record.connected, record.answered));
  counters.total_time.add(milliseconds_between(begin, record.end));
}

void Dispatch::enter(BackendState& backend) {
  backend_ = &backend;
  newest_ = &worker_.newest(backend);
}

void Dispatch::start(Reuse reuse, const Order& order, exchange::AccessRecord& record) {
  reuse_ = reuse;
  order_ = order;
  record_ = &record;
  server_ = balance::kNoServer;
  retry_ = Retry(backend_->config.retry);
  if (backend_->config.retry.heeds_responses()) [[unlikely]]
    backend_->retry_budget.on_request();
  if (setback_) [[unlikely]] *setback_ = {};
  ask();
}

int Dispatch::server_index() const {
  if (newest_ == backend_ || server_ == balance::kNoServer) return server_;
  return backend_->index_of(*newest_->farm[static_cast<std::size_t>(server_)]);
}

int Dispatch::newest_home(int home) const {
  return newest_ == backend_ ? home
                             : newest_->index_of(*backend_->farm[static_cast<std::size_t>(home)]);
}

int Dispatch::tie() const {
  int awaited = balance::kNoServer;
  for (const int home : order_.homes) {
    const int here = newest_home(home);
    if (here == balance::kNoServer || (setback_ && setback_->avoided.contains(here))) continue;
    const balance::Server& server = *newest_->farm[static_cast<std::size_t>(here)];
    if (server.up()) return here;
    if (awaited == balance::kNoServer && server.awaited_by_tied()) awaited = here;
  }
  return awaited;
}

const SocketAddress* Dispatch::source(SocketAddress& storage) const {
  if (!is_connected()) return nullptr;
  storage = connection_->socket().local_address();
  return storage.port != 0 ? &storage : nullptr;
}

bool Dispatch::follow(int& server) {
  BackendState& next = worker_.newest(*newest_);
  if (&next == newest_) return true;
  const auto there = [&](int here) {
    return here == balance::kNoServer
               ? here
               : next.index_of(*newest_->farm[static_cast<std::size_t>(here)]);
  };
  const int moved = there(server);
  if (server != balance::kNoServer && moved == balance::kNoServer) return false;
  // The server of the attempt before stays in the record, under a name that lives on.
  const int last = there(server_);
  if (last != balance::kNoServer) {
    record_->server = next.servers[static_cast<std::size_t>(last)]->config.name;
  } else if (server_ != balance::kNoServer) {
    record_->server = exchange::AccessRecord{}.server;
    record_->server_address = nullptr;
  }
  if (setback_) setback_->avoided.renumber(there);
  keep_pool(next, last);
  server_ = last;
  server = moved;
  newest_ = &next;
  kept_.reset();
  return true;
}

/// A connection outlives the generation that it was made in where `next` has another pool for its
/// server, and goes back to its own: that generation has to stay.
void Dispatch::keep_pool(BackendState& next, int server) {
  if (!connection_) return;
  const ServerPool& its = connection_->pool();
  if (&worker_.pool(*newest_, server_) != &its) return;  // it is kept already
  if (server == balance::kNoServer || &worker_.pool(next, server) != &its)
    setback().pool = GenerationUse(worker_.generation_of(*newest_));
}

void Dispatch::follow() {
  int none = balance::kNoServer;
  follow(none);
}

void Dispatch::on_reload() {
  if (!newest_ || phase_ == Phase::Queued) return;
  const bool followed = follow(server_);
  // Its server, or the whole backend, is no longer in the configuration.
  if (!followed || &newest_->snapshot != &worker_.snapshot())
    kept_ = GenerationUse(worker_.generation_of(*newest_));
}

void Dispatch::queue_anew() {
  BackendState& next = worker_.newest(*newest_);
  const bool stays = &next == newest_;
  if (stays || newest_->admission->cancel(setback_->ticket) == balance::Admission::Cancelled::Granted) {
    // The backend is gone and its queue with it, for those who stand in it; or the slot is on its
    // way, and on_granted() takes it to where it counts.
    kept_ = GenerationUse(worker_.generation_of(*newest_));
    return;
  }
  worker_.stop_waiting(setback_->waiting_as);
  phase_ = Phase::Idle;
  follow();
  ask();
}

Dispatch::Setback& Dispatch::setback() {
  if (!setback_) setback_ = std::make_unique<Setback>();
  return *setback_;
}

void Dispatch::ask() {
  static const Setback kNone;
  const Setback& before = setback_ ? *setback_ : kNone;
  const TimePoint now = worker_.loop().now();
  const std::uint64_t name = worker_.next_waiter();
  const auto given = newest_->admission->ask({.worker = worker_.index(),
                                              .request = name,
                                              .tied_to = order_.homes.empty() ? balance::kNoServer
                                                                              : tie(),
                                              .avoid = before.avoided,
                                              .key = order_.key,
                                              .priority = order_.priority,
                                              .now = before.arrival != 0 ? before.queued_at : now,
                                              .arrival = before.arrival});
  post_surplus();
  using Kind = balance::Admission::Answer::Kind;
  switch (given.kind) {
    case Kind::Admitted: return take(given.server);
    case Kind::NoServer:
      if (before.arrival != 0) record_->dequeued = now;
      return fail({'S', 'C'});
    case Kind::QueueFull:
      record_->dequeued = now;
      return fail({'P', 'Q'});
    case Kind::Queued:
      phase_ = Phase::Queued;
      setback().ticket = given.ticket;
      setback_->waiting_as = name;
      worker_.await_grant(name, *this);
      // Else it waits on, as long as it may.
      if (std::exchange(setback_->arrival, given.arrival) != 0) return;
      setback_->queued_at = now;
      record_->server_queue = given.server_queue;
      record_->backend_queue = given.backend_queue;
      timer_.arm(after(now, backend_->config.timeout.effective_queue()));
      return;
  }
}

void Dispatch::on_granted(int server) {
  if (server == balance::kNoServer) {
    phase_ = Phase::Idle;
    follow();
    return ask();
  }
  follow(server);
  take(server);
}

void Dispatch::take(int server_index) {
  const TimePoint now = worker_.loop().now();
  timer_.disarm();
  server_ = server_index;
  holds_slot_ = true;
  record_->dequeued = now;  // what came of another server before this one was waiting
  const Server& config = server()->config;
  record_->server = config.name;
  observed_ = config.observe.layer != Observe::Layer::None;
  const auto second =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  count([&](stats::ServerCounters& counters) {
    ++counters.sessions;
    ++counters.chosen;
    counters.session_rate.count(now);
    counters.last_session_second.store(second, std::memory_order_relaxed);
  });
  reach();
}

void Dispatch::reach() {
  const TimePoint now = worker_.loop().now();
  ServerPool& pool = worker_.pool(*newest_, server_);
  // A connection that was announced as one client's is nobody else's.
  announces_ = server()->config.send_proxy.has_value();
  // Its own serves it whatever it sends: on another one it would be nobody.
  if (order_.has_private) [[unlikely]]
    connection_ = pool.take_private(user_.client(), user_);
  if (!connection_ && reuse_ != Reuse::Never && !announces_) {
    const Duration most = reuse_ == Reuse::Always ? ServerPool::kIdleLimit : kFreshEnough;
    connection_ = pool.take_idle(user_, most);
  }
  const Server& config = server()->config;
  if (connection_) {
    record_->server_address = config.approach.unix_socket ? nullptr : &connection_->to();
    reused_ = true;
    count([](stats::ServerCounters& counters) { ++counters.reuses; });
    return connected();
  }
  reused_ = false;
  count([](stats::ServerCounters& counters) { ++counters.connects; });
  int error_number = 0;
  const SocketAddress& address = server()->live->address();
  record_->server_address = config.approach.unix_socket ? nullptr : &address;
  connection_ = pool.open(address, config.approach, *this, error_number);
  if (!connection_ && (error_number == EMFILE || error_number == ENFILE) && worker_.close_idle())
    connection_ = pool.open(address, config.approach, *this, error_number);
  if (!connection_) {
    if (!health::is_our_own(error_number)) witness(health::Evidence::ConnectFailed);
    return retry({'S', 'C'});
  }
  if (!pool.make_room()) [[unlikely]]
    worker_.ask_for_room(server()->live);
  phase_ = Phase::Connecting;
  timer_.arm(after(now, backend_->config.timeout.connect));
}

void Dispatch::on_server_connected() {
  connection_->set_user(&user_);
  witness(health::Evidence::Connected);
  if (announces_ && !announce()) return retry({'S', 'C'});
  connected();
}

bool Dispatch::announce() {
  const auto& how = server()->config.send_proxy;
  if (!how) return true;  // a reload took it back while the connection was made
  char header[wire::kHeaderRoom];
  const std::size_t size =
      wire::encode_proxy_header(user_.endpoints(), header_style(*how), header);
  return connection_->socket().write(std::string_view(header, size));
}

void Dispatch::on_server_connect_failed(int) {
  witness(health::Evidence::ConnectFailed);
  retry({'S', 'C'});
}

void Dispatch::on_server_lost() {
  if (phase_ == Phase::Connecting) retry({'D', 'C'});
}

void Dispatch::testify(health::Evidence evidence) {
  const ServerState& shown = *server();
  const Observe& how = shown.config.observe;  // a reload may have changed it
  using Layer = Observe::Layer;
  const auto observed = how.layer == Layer::None   ? health::Observed::Nothing
                        : how.layer == Layer::Four ? health::Observed::Layer4
                                                   : health::Observed::Layer7;
  const auto good = health::speaks_for(evidence, observed);
  if (!good) return;
  health::ErrorStreak& errors = shown.record->errors;
  if (*good)
    errors.on_success();
  else if (errors.on_error(how.error_limit))
    worker_.report_errors(shown.live, how.error_limit, evidence);
}

void Dispatch::connected() {
  timer_.disarm();
  phase_ = Phase::Connected;
  record_->connected = worker_.loop().now();
  user_.on_dispatched();
}

void Dispatch::repeat() {
  release_connection(false);
  record_->connected = kNever;
  reuse_ = Reuse::Never;
  reach();
}

bool Dispatch::may_try_again() {
  return retry_.has_attempts_left() && backend_->retry_budget.spend(worker_.loop().now());
}

void Dispatch::try_again() { go_on({'S', 'H'}); }

void Dispatch::retry(exchange::Termination why) {
  if (backend_->config.retry.conn_failure) return go_on(why);
  release_connection(false);
  give_up(why);
}

unsigned Dispatch::other_usable_servers() const {
  return balance::usable_servers(newest_->farm) - (server()->live->usable() ? 1 : 0);
}

void Dispatch::go_on(exchange::Termination why) {
  timer_.disarm();
  release_connection(false);
  record_->connected = kNever;
  // Nobody is tied to a server that is down.
  const bool tied =
      server()->live->up() && std::any_of(order_.homes.begin(), order_.homes.end(),
                                          [&](int home) { return newest_home(home) == server_; });
  const auto decision = retry_.on_failure(tied, other_usable_servers(), backend_->config.timeout.connect);
  record_->retries = retry_.attempts_repeated();
  switch (decision.next) {
    case Retry::Next::GiveUp: return give_up(why);
    case Retry::Next::SameServer:
      count([](stats::ServerCounters& counters) { ++counters.retries; });
      phase_ = Phase::Pausing;
      timer_.arm(worker_.loop().now() + decision.pause);
      return;
    case Retry::Next::OtherServer: return ask_elsewhere();
  }
}

void Dispatch::ask_elsewhere() {
  count([](stats::ServerCounters& counters) { ++counters.redispatches; });
  record_->redispatched = true;
  setback().avoided.add(server_);
  release_slot();
  follow();
  setback_->arrival = 0;
  ask();
}

/// Of the attempts at one request the last one counts as its server's error.
void Dispatch::give_up(exchange::Termination why) {
  ++counters_of(*server()).connection_errors;
  fail(why);
}

void Dispatch::fail(exchange::Termination why) {
  ++counters_of(*backend_).connection_errors;
  release();
  user_.on_dispatch_failed(why);
}

void Dispatch::on_timeout() {
  switch (phase_) {
    case Phase::Queued: return fail({'s', 'Q'});
    case Phase::Connecting: witness(health::Evidence::ConnectFailed); return retry({'s', 'C'});
    case Phase::Pausing:
      // An operator, or the checks, may have taken it out of use meanwhile.
      if (!server()->live->up() && retry_.may_move(other_usable_servers())) return ask_elsewhere();
      if (retry_.has_chosen_again()) record_->dequeued = worker_.loop().now();
      return reach();
    case Phase::Idle:
    case Phase::Connected: return;
  }
}

void Dispatch::release_connection(bool reusable) {
  if (!connection_) return;
  ServerConnection& connection = *std::exchange(connection_, nullptr);
  ServerPool& pool = connection.pool();
  StreamSocket& socket = connection.socket();
  // Bytes behind the response belong to nobody: they must not become the next one's.
  const bool clean = reusable && !socket.has_output() && !socket.saw_end() && !socket.has_unread();
  if (clean && connection.is_private()) [[unlikely]] {
    pool.keep_private(user_.client(), connection);
  } else if (clean && !announces_) {
    pool.keep(connection);
  } else {
    pool.discard(connection);
  }
  phase_ = Phase::Idle;
}

void Dispatch::release_slot() {
  if (!std::exchange(holds_slot_, false)) return;
  worker_.post_grant(newest_->admission->release(server_), *newest_);
  post_surplus();
}

void Dispatch::post_surplus() {
  while (const auto grant = newest_->admission->surplus()) worker_.post_grant(grant, *newest_);
}

void Dispatch::release() {
  timer_.disarm();
  if (phase_ == Phase::Queued) {
    // A grant that is on its way already finds nobody and goes to the next who waits.
    newest_->admission->cancel(setback_->ticket);
    worker_.stop_waiting(setback_->waiting_as);
    record_->dequeued = worker_.loop().now();  // gave up
  }
  release_connection(false);
  release_slot();
  phase_ = Phase::Idle;
}

void Dispatch::forget() {
  backend_ = newest_ = nullptr;
  kept_.reset();
  if (setback_) [[unlikely]] setback_->pool.reset();
  server_ = balance::kNoServer;
  reused_ = false;
}

}  // namespace hapair::proxy
