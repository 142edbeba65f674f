#include "proxy/runtime/request_relay.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/exchange/answers.h"
#include "proxy/runtime/client_session.h"
#include "proxy/runtime/worker.h"

namespace hapair::proxy {
namespace {

using exchange::Retry;
using http::Framing;

// A request that must not be repeated goes out on an idle connection only while its server cannot
// be about to close it.
constexpr Duration kFreshEnough = 1s;
// Content up to this size is copied behind its head: one piece is cheaper to send than two.
constexpr std::size_t kCopiedContent = 4 * 1024;
// A server that answers with more interim responses than this never means to answer.
constexpr unsigned kMaxInterim = 64;
// Reads in a row before others get their turn.
constexpr int kReadsPerTurn = 4;
// Content of which more than this is still to come is moved by the kernel. Below, the two calls
// that a splice takes cost more than the copy they save.
constexpr std::uint64_t kSplicedContent = 64 * 1024;

TimePoint after(TimePoint now, Duration timeout) {
  return timeout > Duration::zero() ? now + timeout : kNever;
}

std::uint64_t milliseconds_between(TimePoint from, TimePoint to) {
  if (from == kNever || to == kNever || to < from) return 0;
  return static_cast<std::uint64_t>(to_milliseconds(to - from));
}

}  // namespace

RequestRelay::RequestRelay(Worker& worker, std::uint32_t index)
    : worker_(worker), index_(index), timer_(worker.loop(), [this] { on_timeout(); }) {}

stats::ServerCounters* RequestRelay::server_counters() {
  return server_ == balance::kNoServer ? nullptr : &server().counters[worker_.index()];
}

stats::BackendCounters* RequestRelay::backend_counters() {
  return backend_ ? &backend_->counters[worker_.index()] : nullptr;
}

void RequestRelay::begin(ClientSession& client, TimePoint first_byte) {
  const TimePoint now = worker_.loop().now();
  ++generation_;
  client_ = &client;
  backend_ = nullptr;
  server_ = balance::kNoServer;
  ticket_ = 0;
  phase_ = Phase::Waiting;
  holds_slot_ = reused_ = repeated_ = request_sent_ = beyond_buffer_ = false;
  may_splice_ = true;
  client_ended_ = keep_client_ = counted_in_backend_ = false;
  early_payload_ = partial_size_ = 0;
  interim_responses_ = 0;
  plan_ = {};
  response_body_ = {};
  retry_ = {};

  const FrontendState& frontend = client.frontend();
  mode_ = frontend.config.connection;
  record_ = {};
  record_.client = client.peer();
  record_.date = wall_now() - (now - first_byte);
  record_.frontend = record_.backend = frontend.config.name;
  record_.start = first_byte;
  record_.received = now;
  record_.request_line = request_.line;

  stats::FrontendCounters& counters = client.frontend().counters[worker_.index()];
  ++counters.requests;
  counters.request_rate.count(now);

  request_body_ = http::BodyDecoder(request_.framing, request_.content_length);
  std::size_t consumed = 0;
  if (!request_body_.done()) {
    const auto step = request_body_.decode(client.behind_head(), client.behind_head_size());
    early_payload_ = step.payload;
    consumed = step.consumed;
    if (step.error != http::H1Error::None) {
      ++counters.request_errors;
      request_complete_ = false;
      return answer(400, 'P', 'R');
    }
  }
  client.request_ends_at(consumed);
  request_complete_ = request_body_.done();
  route();
}

void RequestRelay::route() {
  FrontendState& frontend = client_->frontend();
  if (const auto& stats = frontend.config.stats;
      stats && worker_.statistics().serves(*stats, request_.path_query))
    return answer_statistics(*stats);
  if (frontend.config.default_backend < 0) return answer(503, 'S', 'C');

  backend_ = worker_.snapshot()
                 .backends[static_cast<std::size_t>(frontend.config.default_backend)]
                 .get();
  record_.backend = backend_->config.name;
  mode_ = exchange::stronger(mode_, backend_->config.connection);
  if (const auto& stats = backend_->config.stats;
      stats && worker_.statistics().serves(*stats, request_.path_query))
    return answer_statistics(*stats);

  backend_->sessions.enter();
  counted_in_backend_ = true;
  retry_ = Retry({.retries = backend_->config.retries,
                  .redispatch = backend_->config.redispatch,
                  .connect_timeout = backend_->config.timeout.connect});
  ask_for_server(balance::kNoServer);
}

void RequestRelay::ask_for_server(int avoid) {
  const TimePoint now = worker_.loop().now();
  const auto given = backend_->admission->ask(
      {.worker = worker_.index(), .request = id(), .avoid = avoid, .now = now});
  using Kind = balance::Admission::Answer::Kind;
  switch (given.kind) {
    case Kind::Admitted: return connect_to(given.server);
    case Kind::NoServer:
      ++backend_counters()->connection_errors;
      return answer(503, 'S', 'C');
    case Kind::Queued:
      phase_ = Phase::Queued;
      ticket_ = given.ticket;
      record_.server_queue = given.server_queue;
      record_.backend_queue = given.backend_queue;
      timer_.arm(after(now, backend_->config.timeout.effective_queue()));
      return;
  }
}

bool RequestRelay::on_granted(int server) {
  if (phase_ != Phase::Queued) return false;
  connect_to(server);
  return true;
}

void RequestRelay::connect_to(int server_index) {
  const TimePoint now = worker_.loop().now();
  server_ = server_index;
  holds_slot_ = true;
  if (record_.dequeued == kNever) record_.dequeued = now;
  record_.server = server().config.name;
  for (stats::ServerCounters* counters : {server_counters(), backend_counters()}) {
    ++counters->sessions;
    ++counters->chosen;
    counters->session_rate.count(now);
    counters->last_session_second.store(
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count(),
        std::memory_order_relaxed);
  }
  reach_server();
}

void RequestRelay::reach_server() {
  const TimePoint now = worker_.loop().now();
  ServerPool& pool = worker_.pool(*backend_, server_);
  if (mode_ == ConnectionMode::KeepAlive && !repeated_) {
    const Duration most = is_idempotent(request_.method) ? ServerPool::kIdleLimit : kFreshEnough;
    connection_ = pool.take_idle(*this, most);
    if (connection_) {
      reused_ = true;
      record_.connected = now;
      ++server_counters()->reuses;
      ++backend_counters()->reuses;
      return send_request();
    }
  }
  int error_number = 0;
  ++server_counters()->connects;
  ++backend_counters()->connects;
  connection_ = pool.open(server().live->address(), backend_->config.source, *this, error_number);
  if (!connection_) return on_server_connect_failed(error_number);
  phase_ = Phase::Connecting;
  timer_.arm(after(now, backend_->config.timeout.connect));
}

void RequestRelay::on_server_connected() {
  reused_ = false;
  record_.connected = worker_.loop().now();
  send_request();
}

void RequestRelay::on_server_connect_failed(int error_number) {
  (void)error_number;
  record_.termination = {'S', 'C'};
  retry_connect();
}

void RequestRelay::retry_connect() {
  release_server(false);
  ++server_counters()->connection_errors;
  ++backend_counters()->connection_errors;
  const unsigned usable = balance::usable_servers(backend_->farm);
  const unsigned others = usable - (server().live->usable() ? 1 : 0);
  const auto decision = retry_.on_connect_failure(/*tied=*/false, others);
  record_.retries = retry_.attempts_repeated();
  record_.redispatched = retry_.redispatched();
  switch (decision.next) {
    case Retry::Next::GiveUp: {
      const exchange::Termination last = record_.termination;
      return answer(503, last.cause, last.phase);
    }
    case Retry::Next::SameServer:
      ++server_counters()->retries;
      ++backend_counters()->retries;
      phase_ = Phase::Pausing;
      timer_.arm(worker_.loop().now() + decision.pause);
      return;
    case Retry::Next::OtherServer: {
      ++server_counters()->redispatches;
      ++backend_counters()->redispatches;
      const int failed = server_;
      release_slot();
      return ask_for_server(failed);
    }
  }
}

void RequestRelay::send_request() {
  phase_ = Phase::Waiting;
  request_sent_ = true;
  char* out = worker_.out();

  http::RequestEdits edits{.connection = exchange::plan_request(request_, mode_).connection};
  char address[64];
  const auto& ours = client_->frontend().config.forwarded_for;
  const auto& theirs = backend_->config.forwarded_for;
  if (const auto* forwarded = theirs ? &*theirs : ours ? &*ours : nullptr) {
    const IpAddress& client = client_->peer().ip;
    const bool excepted = std::any_of(forwarded->except.begin(), forwarded->except.end(),
                                      [&](const Cidr& net) { return net.contains(client); });
    if (!excepted) {
      edits.add_name = forwarded->header;
      edits.add_value = client_->peer_text(address);
    }
  }
  std::size_t size = http::encode_request_head(request_, edits, out);
  const bool chunked = request_.framing == Framing::Chunked;
  if (early_payload_ > 0) {
    if (chunked) size += http::encode_chunk_header(early_payload_, out + size);
    std::memcpy(out + size, client_->behind_head(), early_payload_);
    size += early_payload_;
    if (chunked) {
      std::memcpy(out + size, "\r\n", 2);
      size += 2;
    }
  }
  if (chunked && request_complete_) {
    std::memcpy(out + size, "0\r\n\r\n", 5);
    size += 5;
  }
  server_counters()->bytes_in.add(size);
  backend_counters()->bytes_in.add(size);
  client_->frontend().counters[worker_.index()].bytes_in.add(size);
  if (!connection_->socket().write(std::string_view(out, size))) return on_server_broken();
  if (request_complete_) return await_next();
  pump_request();
}

void RequestRelay::on_client_readable() {
  if (request_sent_ && connection_ && !connection_->is_connecting()) pump_request();
}

void RequestRelay::pump_request() {
  if (request_complete_ && phase_ != Phase::Tunnel) return;
  char* const scratch = worker_.scratch();
  for (int reads = 0; connection_ && !connection_->socket().has_output(); ++reads) {
    StreamSocket& source = client_->socket();
    if (!source.is_readable()) break;
    if (reads == kReadsPerTurn) {
      worker_.loop().resume(*client_, EPOLLIN);
      break;
    }
    if (!beyond_buffer_) {
      beyond_buffer_ = true;
      client_->drop_body();
    }
    // Never read past what the session could keep for the next request.
    std::size_t most = Worker::kScratch;
    if (request_.framing == Framing::Chunked && phase_ != Phase::Tunnel) {
      most = std::min(most, client_->room());
    } else if (const auto remaining = request_body_.plain_remaining(); remaining > 0) {
      most = static_cast<std::size_t>(std::min<std::uint64_t>(most, remaining));
    }
    const auto read = source.read(scratch, most);
    if (read.kind == StreamSocket::Read::Nothing) break;
    if (read.kind == StreamSocket::Read::Failed) return client_aborted('C');
    if (read.kind == StreamSocket::Read::End) {
      if (phase_ != Phase::Tunnel) return client_aborted('C');
      if (!client_ended_) connection_->socket().shutdown_write();
      client_ended_ = true;
      break;
    }
    if (!send_body(scratch, read.size)) return;
    if (request_complete_) break;
  }
  if (connection_) await_next();
}

bool RequestRelay::send_body(char* data, std::size_t size) {
  const auto step = request_body_.decode(data, size);
  if (step.error != http::H1Error::None) {
    ++client_->frontend().counters[worker_.index()].request_errors;
    if (phase_ == Phase::Waiting) {
      fail_response(400, 'P', 'D');
    } else {
      record_.termination = {'P', 'D'};
      cut();
    }
    return false;
  }
  request_complete_ = request_body_.done();
  if (step.consumed < size) client_->stash({data + step.consumed, size - step.consumed});

  char header[http::kChunkHeaderRoom];
  iovec pieces[3];
  std::size_t count = 0;
  const bool chunked = request_.framing == Framing::Chunked && phase_ != Phase::Tunnel;
  if (step.payload > 0) {
    if (chunked) pieces[count++] = {header, http::encode_chunk_header(step.payload, header)};
    pieces[count++] = {data, step.payload};
  }
  if (chunked && (step.payload > 0 || request_complete_)) {
    static char endings[] = "\r\n0\r\n\r\n";
    const std::size_t begin = step.payload > 0 ? 0 : 2;
    pieces[count++] = {endings + begin, (request_complete_ ? 7 : 2) - begin};
  }
  if (count == 0) return true;
  server_counters()->bytes_in.add(step.payload);
  backend_counters()->bytes_in.add(step.payload);
  client_->frontend().counters[worker_.index()].bytes_in.add(step.payload);
  if (connection_->socket().write(std::span(pieces, count))) return true;
  on_server_broken();
  return false;
}

void RequestRelay::on_server_drained() { pump_request(); }

void RequestRelay::on_server_broken() {
  // A server may answer, close and reset before it has read all: what it said is still to be read.
  connection_->socket().on_events(EPOLLIN | EPOLLHUP);
  if (client_->socket().has_output()) return;  // comes up when the client has taken its part
  pump_response();
}

bool RequestRelay::can_repeat() const {
  return reused_ && !repeated_ && !beyond_buffer_ && interim_responses_ == 0 &&
         partial_size_ == 0 && is_idempotent(request_.method);
}

void RequestRelay::pump_response() {
  for (int reads = 0; connection_ && !client_->socket().has_output(); ++reads) {
    StreamSocket& source = connection_->socket();
    if (!source.is_readable()) break;
    if (reads == kReadsPerTurn) {
      worker_.loop().resume(*connection_, EPOLLIN);
      break;
    }
    if (phase_ == Phase::Body && may_splice_ &&
        response_body_.plain_remaining() >= kSplicedContent) {
      if (!splice_response()) return;
      continue;
    }
    char* data = worker_.scratch();
    std::size_t capacity = Worker::kScratch, before = 0;
    if (partial_) {
      data = partial_.get();
      before = partial_size_;
      capacity = kHeadBuffer - before;
    }
    const auto read = source.read(data + before, capacity);
    if (read.kind == StreamSocket::Read::Nothing) break;
    if (read.kind != StreamSocket::Read::Bytes)
      return on_response_end(read.kind == StreamSocket::Read::Failed);
    partial_size_ = before > 0 ? before + read.size : 0;
    if (!take_response_bytes(data, before + read.size)) return;
  }
  if (connection_) await_next();
}

bool RequestRelay::splice_response() {
  bool client_broken = false;
  const auto most = static_cast<std::size_t>(
      std::min<std::uint64_t>(response_body_.plain_remaining(), SplicePipe::kSize));
  const auto moved =
      client_->socket().splice_from(connection_->socket(), most, client_broken);
  switch (moved.kind) {
    case StreamSocket::Read::NoPipe: may_splice_ = false; return true;
    case StreamSocket::Read::Nothing: return true;
    case StreamSocket::Read::End:
    case StreamSocket::Read::Failed:
      on_response_end(moved.kind == StreamSocket::Read::Failed);
      return false;
    case StreamSocket::Read::Bytes: break;
  }
  response_body_.skip(moved.size);
  record_.bytes_out += moved.size;
  if (client_broken) {
    client_aborted('C');
    return false;
  }
  if (!response_body_.done()) return true;
  response_complete();
  return false;
}

void RequestRelay::on_response_end(bool failed) {
  switch (phase_) {
    case Phase::Waiting:
      if (can_repeat()) {
        release_server(false);
        repeated_ = true;
        return reach_server();
      }
      ++server_counters()->response_errors;
      ++backend_counters()->response_errors;
      return fail_response(502, 'S', 'H');
    case Phase::Tunnel: return response_complete();
    case Phase::Body:
      if (response_body_.until_close() && !failed) return response_complete();
      ++server_counters()->server_aborts;
      ++backend_counters()->server_aborts;
      record_.termination = {'S', 'D'};
      return cut();
    default: return;
  }
}

bool RequestRelay::take_response_bytes(char* data, std::size_t size) {
  char* out = worker_.out();
  std::size_t head_size = 0;
  while (phase_ == Phase::Waiting) {
    http::HeadScanner scanner;
    const http::HeadResult found = scanner.scan({data, size});
    if (found.status == http::HeadStatus::Incomplete && size < kMaxHead) {
      // The head stays in a buffer of its own until the rest of it is here.
      if (!partial_) partial_ = worker_.buffers().take_head();
      std::memmove(partial_.get(), data, size);
      partial_size_ = size;
      return true;
    }
    const bool bad =
        found.status != http::HeadStatus::Complete || found.size > kMaxHead ||
        http::parse_response_head({data, found.size}, response_) != http::H1Error::None;
    if (bad) {
      ++server_counters()->response_errors;
      ++backend_counters()->response_errors;
      fail_response(502, 'P', 'H');
      return false;
    }
    plan_ = exchange::plan_response(request_, response_, mode_, request_complete_, client_ended_);
    data += found.size;
    size -= found.size;
    if (plan_.interim) {
      if (++interim_responses_ > kMaxInterim) {
        fail_response(502, 'P', 'H');
        return false;
      }
      if (!request_.http_1_1) continue;  // RFC 9110 15.2: not for clients of HTTP/1.0
      const std::size_t interim = http::encode_response_head(response_, {}, out);
      record_.bytes_out += interim;
      if (!client_->socket().write(std::string_view(out, interim))) {
        client_aborted('C');
        return false;
      }
      continue;
    }
    head_size = http::encode_response_head(response_, plan_.edits, out);
    phase_ = plan_.tunnel ? Phase::Tunnel : Phase::Body;
    record_.answered = worker_.loop().now();
    record_.status = response_.status;
    keep_client_ = plan_.keep_client;
    response_body_ = http::BodyDecoder(plan_.body, response_.content_length);
    if (plan_.tunnel) begin_tunnel();
    if (!connection_) return false;
  }

  const auto step = response_body_.decode(data, size);
  if (step.error != http::H1Error::None) {
    ++server_counters()->response_errors;
    ++backend_counters()->response_errors;
    record_.termination = {'P', 'D'};
    cut();
    return false;
  }
  if (!write_to_client(out, head_size, data, step.payload)) {
    client_aborted('C');
    return false;
  }
  if (partial_) {
    worker_.buffers().give(std::move(partial_));
    partial_size_ = 0;
  }
  if (!response_body_.done()) return true;
  if (step.consumed < size) plan_.keep_server = false;  // bytes nobody asked for
  response_complete();
  return false;
}

void RequestRelay::begin_tunnel() {
  request_body_ = http::BodyDecoder(Framing::UntilClose, 0);
  request_complete_ = false;
  // What the client sent ahead belongs to the other protocol.
  const std::string_view ahead(client_->behind_head() + early_payload_,
                               client_->behind_head_size() - early_payload_);
  client_->request_ends_at(client_->behind_head_size());
  if (!ahead.empty() && !connection_->socket().write(ahead)) on_server_broken();
}

/// Head and content in as few pieces as it takes. False: the connection to the client is broken.
bool RequestRelay::write_to_client(char* head, std::size_t head_size, char* body,
                                   std::size_t body_size) {
  const bool ends = response_body_.done();
  std::size_t front = head_size;
  if (plan_.reencode_chunks && body_size > 0)
    front += http::encode_chunk_header(body_size, head + front);
  static char endings[] = "\r\n0\r\n\r\n";
  std::string_view tail;
  if (plan_.reencode_chunks && (body_size > 0 || ends)) {
    const std::size_t begin = body_size > 0 ? 0 : 2;
    tail = {endings + begin, (ends ? 7 : 2) - begin};
  }

  const std::size_t total = front + body_size + tail.size();
  if (total == 0) return true;
  record_.bytes_out += total;
  if (body_size <= kCopiedContent) {
    std::memcpy(head + front, body, body_size);
    std::memcpy(head + front + body_size, tail.data(), tail.size());
    return client_->socket().write(std::string_view(head, total));
  }
  iovec pieces[3];
  std::size_t count = 0;
  if (front > 0) pieces[count++] = {head, front};
  pieces[count++] = {body, body_size};
  if (!tail.empty()) pieces[count++] = {const_cast<char*>(tail.data()), tail.size()};
  return client_->socket().write(std::span(pieces, count));
}

void RequestRelay::response_complete() {
  if (phase_ != Phase::Tunnel) keep_client_ = keep_client_ && request_complete_;
  if (phase_ == Phase::Tunnel) keep_client_ = false;
  release_server(plan_.keep_server && request_complete_);
  release_slot();
  phase_ = Phase::Flushing;
  if (client_->socket().has_output()) return await_next();
  finish();
}

void RequestRelay::on_client_drained() {
  if (phase_ == Phase::Flushing) return finish();
  pump_response();
}

void RequestRelay::answer(int status, char cause, char phase) {
  record_.termination = {cause, phase};
  const bool keep = request_complete_ && request_.persistence.keep_alive &&
                    mode_ != ConnectionMode::Close && status != 400 && status != 408;
  answer_bytes(
      status,
      exchange::answer(status, {.head = request_.method == http::Method::Head, .close = !keep}),
      keep);
}

void RequestRelay::answer_statistics(const Stats& stats) {
  record_.server = "<STATS>";
  record_.dequeued = record_.connected = record_.answered = worker_.loop().now();
  record_.termination = {'L', 'R'};
  const bool keep = request_complete_ && request_.persistence.keep_alive &&
                    mode_ != ConnectionMode::Close;
  const http::Field* authorization = request_.fields.find(http::FieldId::Authorization);
  const StatsService::Answer answer = worker_.statistics().answer({
      .stats = &stats,
      .path_query = request_.path_query,
      .authorization = authorization ? authorization->value : std::string_view{},
      .head = request_.method == http::Method::Head,
      .close = !keep,
  });
  ++client_->frontend().counters[worker_.index()].intercepted;
  answer_bytes(answer.status, answer.bytes, keep);
}

void RequestRelay::answer_bytes(int status, std::string_view bytes, bool keep_alive) {
  timer_.disarm();
  record_.status = status;
  record_.bytes_out += bytes.size();
  keep_client_ = keep_alive;
  phase_ = Phase::Flushing;
  release_slot();
  if (!client_->socket().write(bytes)) return client_aborted('C');
  if (client_->socket().has_output()) return await_next();
  finish();
}

void RequestRelay::fail_response(int status, char cause, char phase) {
  release_server(false);
  answer(status, cause, phase);
}

void RequestRelay::on_timeout() {
  switch (phase_) {
    case Phase::Queued:
      backend_->admission->cancel(ticket_);
      record_.dequeued = worker_.loop().now();
      ++backend_counters()->connection_errors;
      return answer(503, 's', 'Q');
    case Phase::Connecting:
      record_.termination = {'s', 'C'};
      return retry_connect();
    case Phase::Pausing: return reach_server();
    case Phase::Waiting:
      ++server_counters()->response_errors;
      ++backend_counters()->response_errors;
      return fail_response(504, 's', 'H');
    case Phase::Body:
    case Phase::Tunnel:
      ++server_counters()->server_aborts;
      ++backend_counters()->server_aborts;
      record_.termination = {'s', 'D'};
      return cut();
    case Phase::Flushing:
    case Phase::Free: return;
  }
}

void RequestRelay::on_client_timeout() {
  if (phase_ == Phase::Waiting && !request_complete_) {
    ++client_->frontend().counters[worker_.index()].request_errors;
    return fail_response(408, 'c', 'D');
  }
  client_aborted('c');
}

void RequestRelay::on_client_gone() { client_aborted('C'); }

char RequestRelay::phase_letter() const {
  switch (phase_) {
    case Phase::Queued: return 'Q';
    case Phase::Connecting:
    case Phase::Pausing: return 'C';
    case Phase::Waiting: return request_complete_ ? 'H' : 'D';
    default: return 'D';
  }
}

void RequestRelay::client_aborted(char cause) {
  if (backend_) ++backend_counters()->client_aborts;
  if (auto* counters = server_counters()) ++counters->client_aborts;
  // The first cause counts: a client that leaves an error page unread did not cause the error.
  if (phase_ != Phase::Flushing || record_.termination.cause == '-')
    record_.termination = {cause, phase_letter()};
  if (phase_ == Phase::Queued) backend_->admission->cancel(ticket_);
  cut();
}

/// Ends the exchange in the middle, so that the client can tell that something is missing.
void RequestRelay::cut() {
  release_server(false);
  record_.bytes_out -= std::min<std::uint64_t>(record_.bytes_out, client_->socket().output_size());
  ClientSession* client = client_;
  const bool reset = plan_.body == Framing::UntilClose;
  conclude();
  client->abort(reset);
}

void RequestRelay::finish() {
  ClientSession* client = client_;
  const bool keep = keep_client_;
  conclude();
  client->on_exchange_done(keep);
}

void RequestRelay::release_server(bool reusable) {
  if (!connection_) return;
  ServerConnection& connection = *std::exchange(connection_, nullptr);
  ServerPool& pool = connection.pool();
  const bool clean = !connection.socket().has_output() && !connection.socket().saw_end();
  if (reusable && clean) {
    pool.keep(connection);
  } else {
    pool.discard(connection);
  }
  if (partial_) worker_.buffers().give(std::move(partial_));
  partial_size_ = 0;
}

void RequestRelay::release_slot() {
  if (!std::exchange(holds_slot_, false)) return;
  worker_.post_grant(backend_->admission->release(server_), *backend_);
}

/// Counts, logs and makes the relay free for another request. Nothing of it may be used afterwards.
void RequestRelay::conclude() {
  timer_.disarm();
  release_slot();
  if (counted_in_backend_) backend_->sessions.leave();
  phase_ = Phase::Free;
  record_.end = worker_.loop().now();

  stats::FrontendCounters& front = client_->frontend().counters[worker_.index()];
  front.bytes_out.add(record_.bytes_out);
  front.responses.count(record_.status);
  for (stats::ServerCounters* counters : {backend_counters(), server_counters()}) {
    if (!counters) continue;
    ++counters->requests;
    counters->bytes_out.add(record_.bytes_out);
    counters->responses.count(record_.status);
    if (record_.connected == kNever) continue;
    counters->queue_time.add(milliseconds_between(record_.received, record_.dequeued));
    counters->connect_time.add(milliseconds_between(record_.dequeued, record_.connected));
    counters->response_time.add(milliseconds_between(record_.connected, record_.answered));
    counters->total_time.add(milliseconds_between(record_.received, record_.end));
  }
  if (server_ != balance::kNoServer) record_.server_connections = server().live->sessions();
  if (backend_) record_.backend_connections = backend_->sessions.current();
  worker_.log_access(client_->frontend(), record_);
  client_ = nullptr;
  worker_.give_back(*this);
}

/// Puts the one deadline where the exchange now hangs: at the server or at the client.
void RequestRelay::await_next() {
  const TimePoint now = worker_.loop().now();
  const Timeouts& server = backend_ ? backend_->config.timeout : Timeouts{};
  const Duration client = client_->frontend().config.timeout.client;
  if (phase_ == Phase::Tunnel) {
    timer_.arm(after(now, server.tunnel > 0s ? server.tunnel : std::max(client, server.server)));
    return client_->arm(kNever);
  }
  const bool client_owes_body = !request_complete_ && connection_ &&
                                !connection_->socket().has_output();
  if (client_->socket().has_output() || client_owes_body) {
    timer_.disarm();
    return client_->arm(after(now, client));
  }
  timer_.arm(after(now, server.server));
  client_->arm(kNever);
}

}  // namespace hapair::proxy
