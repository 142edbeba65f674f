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

using http::Framing;

// Content up to this size is copied behind its head: one piece is cheaper to send than two.
constexpr std::size_t kCopiedContent = 4 * 1024;
// A server that answers with more interim responses than this never means to answer.
constexpr unsigned kMaxInterim = 64;
// Reads in a row before others get their turn.
constexpr int kReadsPerTurn = 4;
// Content of which more than this is still to come is moved by the kernel. Below, the two calls
// that a splice takes cost more than the copy they save.
constexpr std::uint64_t kSplicedContent = 64 * 1024;

const Timeouts kNoTimeouts;

std::uint64_t milliseconds_between(TimePoint from, TimePoint to) {
  if (from == kNever || to == kNever || to < from) return 0;
  return static_cast<std::uint64_t>(to_milliseconds(to - from));
}

}  // namespace

RequestRelay::RequestRelay(Worker& worker)
    : worker_(worker),
      dispatch_(worker, *this),
      timer_(worker.loop(), [this] { on_timeout(); }) {}

stats::FrontendCounters& RequestRelay::frontend_counters() {
  return client_->frontend().counters[worker_.index()];
}

/// Null unless the request is at a server.
StreamSocket* RequestRelay::server_socket() {
  return dispatch_.is_connected() ? &dispatch_.connection()->socket() : nullptr;
}

void RequestRelay::begin(ClientSession& client, TimePoint first_byte) {
  const TimePoint now = worker_.loop().now();
  client_ = &client;
  dispatch_.forget();
  phase_ = Phase::Dispatching;
  repeated_ = beyond_buffer_ = false;
  may_splice_ = true;
  client_ended_ = keep_client_ = counted_in_backend_ = false;
  early_payload_ = partial_size_ = 0;
  interim_responses_ = 0;
  plan_ = {};
  response_body_ = {};

  const FrontendState& frontend = client.frontend();
  mode_ = frontend.config.connection;
  record_ = {};
  record_.client = client.peer();
  record_.date = wall_now() - (now - first_byte);
  record_.frontend = record_.backend = frontend.config.name;
  record_.start = first_byte;
  record_.received = now;
  record_.request_line = request_.line;

  stats::FrontendCounters& counters = frontend_counters();
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

  BackendState& backend =
      *worker_.snapshot().backends[static_cast<std::size_t>(frontend.config.default_backend)];
  record_.backend = backend.config.name;
  mode_ = exchange::stronger(mode_, backend.config.connection);
  if (const auto& stats = backend.config.stats;
      stats && worker_.statistics().serves(*stats, request_.path_query))
    return answer_statistics(*stats);

  backend.sessions.enter();
  counted_in_backend_ = true;
  const auto reuse = mode_ != ConnectionMode::KeepAlive  ? Dispatch::Reuse::Never
                     : is_idempotent(request_.method) ? Dispatch::Reuse::Always
                                                         : Dispatch::Reuse::Fresh;
  dispatch_.start(backend, reuse, record_);
}

void RequestRelay::on_dispatch_failed(exchange::Termination why) {
  answer(503, why.cause, why.phase);
}

void RequestRelay::on_dispatched() {
  phase_ = Phase::Waiting;
  char* out = worker_.out();
  const std::size_t size = encode_request(out);
  dispatch_.count([&](stats::ServerCounters& counters) { counters.bytes_in.add(size); });
  frontend_counters().bytes_in.add(size);
  if (!server_socket()->write(std::string_view(out, size))) return on_server_broken();
  if (request_complete_) return await_next();
  pump_request();
}

/// The head and what came with it of the body.
std::size_t RequestRelay::encode_request(char* out) {
  http::RequestEdits edits{.connection = exchange::plan_request(request_, mode_).connection};
  char address[64];
  const auto& ours = client_->frontend().config.forwarded_for;
  const auto& theirs = dispatch_.backend()->config.forwarded_for;
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
  return size;
}

void RequestRelay::on_client_readable() {
  if (dispatch_.is_connected()) pump_request();
}

void RequestRelay::pump_request() {
  if (request_complete_ && phase_ != Phase::Tunnel) return;
  char* const scratch = worker_.scratch();
  for (int reads = 0; server_socket() && !server_socket()->has_output(); ++reads) {
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
      if (!client_ended_) server_socket()->shutdown_write();
      client_ended_ = true;
      break;
    }
    if (!send_body(scratch, read.size)) return;
    if (request_complete_) break;
  }
  if (server_socket()) await_next();
}

bool RequestRelay::send_body(char* data, std::size_t size) {
  const auto step = request_body_.decode(data, size);
  if (step.error != http::H1Error::None) {
    ++frontend_counters().request_errors;
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
  dispatch_.count([&](auto& counters) { counters.bytes_in.add(step.payload); });
  frontend_counters().bytes_in.add(step.payload);
  if (server_socket()->write(std::span(pieces, count))) return true;
  on_server_broken();
  return false;
}

void RequestRelay::on_server_drained() { pump_request(); }

void RequestRelay::on_server_progress() { await_next(); }

void RequestRelay::on_server_broken() {
  // A server may answer, close and reset before it has read all: what it said is still to be read.
  server_socket()->on_events(EPOLLIN | EPOLLHUP);
  if (client_->socket().has_output()) return;  // comes up when the client has taken its part
  pump_response();
}

bool RequestRelay::can_repeat() const {
  return dispatch_.is_reused() && !repeated_ && !beyond_buffer_ && interim_responses_ == 0 &&
         partial_size_ == 0 && is_idempotent(request_.method);
}

void RequestRelay::pump_response() {
  for (int reads = 0; server_socket() && !client_->socket().has_output(); ++reads) {
    StreamSocket& source = *server_socket();
    if (!source.is_readable()) break;
    if (reads == kReadsPerTurn) {
      worker_.loop().resume(*dispatch_.connection(), EPOLLIN);
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
  if (server_socket()) await_next();
}

bool RequestRelay::splice_response() {
  bool client_broken = false;
  const auto most = static_cast<std::size_t>(
      std::min<std::uint64_t>(response_body_.plain_remaining(), SplicePipe::kSize));
  const auto moved =
      client_->socket().splice_from(*server_socket(), most, client_broken);
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
        repeated_ = true;
        return dispatch_.repeat();
      }
      dispatch_.count([](auto& counters) { ++counters.response_errors; });
      return fail_response(502, 'S', 'H');
    case Phase::Tunnel: return response_complete();
    case Phase::Body:
      if (response_body_.until_close() && !failed) return response_complete();
      dispatch_.count([](auto& counters) { ++counters.server_aborts; });
      record_.termination = {'S', 'D'};
      return cut();
    default: return;
  }
}

bool RequestRelay::take_response_bytes(char* data, std::size_t size) {
  char* out = worker_.out();
  std::size_t head_size = 0;
  while (phase_ == Phase::Waiting) {
    const http::HeadResult found = http::parse_response_head({data, size}, response_);
    if (found.status == http::HeadStatus::Incomplete && size < kMaxHead) {
      // The head stays in a buffer of its own until the rest of it is here.
      if (!partial_) partial_ = worker_.buffers().take_head();
      std::memmove(partial_.get(), data, size);
      partial_size_ = size;
      return true;
    }
    if (found.status != http::HeadStatus::Complete || found.size > kMaxHead) {
      dispatch_.count([](auto& counters) { ++counters.response_errors; });
      fail_response(502, 'P', 'H');
      return false;
    }
    plan_ = exchange::plan_response(request_, response_, mode_, request_complete_, client_ended_);
    data += found.size;
    size -= found.size;
    if (plan_.unsolicited || interim_responses_ > kMaxInterim) {
      dispatch_.count([](auto& counters) { ++counters.response_errors; });
      fail_response(502, 'P', 'H');
      return false;
    }
    if (plan_.interim) {
      ++interim_responses_;
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
  }

  const auto step = response_body_.decode(data, size);
  if (step.error != http::H1Error::None) {
    dispatch_.count([](auto& counters) { ++counters.response_errors; });
    record_.termination = {'P', 'D'};
    cut();
    return false;
  }
  if (!write_to_client(out, head_size, data, step.payload)) {
    client_aborted('C');
    return false;
  }
  if (head_size > 0 && plan_.tunnel) begin_tunnel();
  if (partial_) {
    worker_.buffers().give(std::move(partial_));
    partial_size_ = 0;
  }
  if (!response_body_.done()) return true;
  if (step.consumed < size) plan_.keep_server = false;  // bytes nobody asked for
  response_complete();
  return false;
}

/// From here both sides speak another protocol, beginning with what the client sent ahead.
void RequestRelay::begin_tunnel() {
  request_body_ = http::BodyDecoder(Framing::UntilClose, 0);
  request_complete_ = false;
  const std::string_view ahead = client_->ahead();
  if (!ahead.empty() && !server_socket()->write(ahead)) {
    // What the server said before it went is still to be read.
    server_socket()->on_events(EPOLLIN | EPOLLHUP);
  }
  client_->drop_ahead();
  // Bytes that came while the answer was awaited had their event already.
  if (client_->socket().is_readable()) worker_.loop().resume(*client_, EPOLLIN);
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
    if (body_size > 0) std::memcpy(head + front, body, body_size);
    if (!tail.empty()) std::memcpy(head + front + body_size, tail.data(), tail.size());
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
  release_partial();
  dispatch_.release_connection(plan_.keep_server && request_complete_);
  dispatch_.release();
  phase_ = Phase::Flushing;
  if (client_->socket().has_output()) return await_next();
  finish();
}

void RequestRelay::on_client_progress() {
  if (phase_ != Phase::Dispatching) await_next();
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
  ++frontend_counters().intercepted;
  answer_bytes(answer.status, answer.bytes, keep);
}

void RequestRelay::answer_bytes(int status, std::string_view bytes, bool keep_alive) {
  timer_.disarm();
  record_.status = status;
  record_.bytes_out += bytes.size();
  keep_client_ = keep_alive;
  phase_ = Phase::Flushing;
  release_partial();
  dispatch_.release();
  if (!client_->socket().write(bytes)) return client_aborted('C');
  if (client_->socket().has_output()) return await_next();
  finish();
}

void RequestRelay::fail_response(int status, char cause, char phase) {
  answer(status, cause, phase);
}

void RequestRelay::on_timeout() {
  if (phase_ == Phase::Waiting) {
    dispatch_.count([](auto& counters) { ++counters.response_errors; });
    return fail_response(504, 's', 'H');
  }
  dispatch_.count([](auto& counters) { ++counters.server_aborts; });
  record_.termination = {'s', 'D'};
  cut();
}

void RequestRelay::on_client_timeout() {
  if (phase_ == Phase::Waiting && !request_complete_) {
    ++frontend_counters().request_errors;
    return fail_response(408, 'c', 'D');
  }
  client_aborted('c');
}

void RequestRelay::on_client_gone() { client_aborted('C'); }

char RequestRelay::phase_letter() const {
  switch (phase_) {
    case Phase::Dispatching: return dispatch_.is_queued() ? 'Q' : 'C';
    case Phase::Waiting: return request_complete_ ? 'H' : 'D';
    default: return 'D';
  }
}

void RequestRelay::client_aborted(char cause) {
  dispatch_.count([](auto& counters) { ++counters.client_aborts; });
  // The first cause counts: a client that leaves an error page unread did not cause the error.
  if (phase_ != Phase::Flushing || record_.termination.cause == '-')
    record_.termination = {cause, phase_letter()};
  cut();
}

/// Ends the exchange in the middle, so that the client can tell that something is missing.
void RequestRelay::cut() {
  record_.bytes_out -= std::min<std::uint64_t>(record_.bytes_out, client_->socket().output_size());
  ClientSession* client = client_;
  const bool reset = plan_.body == Framing::UntilClose;
  conclude();
  client->abort(reset);
}

void RequestRelay::finish() {
  ClientSession* client = client_;
  const bool last = request_complete_ && !request_.persistence.keep_alive;
  const auto next = keep_client_ ? ClientSession::Next::Request
                    : last       ? ClientSession::Next::Close
                                 : ClientSession::Next::Linger;
  conclude();
  client->on_exchange_done(next);
}

void RequestRelay::release_partial() {
  if (partial_) worker_.buffers().give(std::move(partial_));
  partial_size_ = 0;
}

/// Counts, logs and makes the relay free for another request. Nothing of it may be used afterwards.
void RequestRelay::conclude() {
  timer_.disarm();
  release_partial();
  dispatch_.release();
  BackendState* backend = dispatch_.backend();
  if (counted_in_backend_) backend->sessions.leave();
  phase_ = Phase::Free;
  record_.end = worker_.loop().now();

  stats::FrontendCounters& front = frontend_counters();
  front.bytes_out.add(record_.bytes_out);
  front.responses.count(record_.status);
  dispatch_.count([&](stats::ServerCounters& counters) {
    ++counters.requests;
    counters.bytes_out.add(record_.bytes_out);
    counters.responses.count(record_.status);
    if (record_.connected == kNever) return;
    counters.queue_time.add(milliseconds_between(record_.received, record_.dequeued));
    counters.connect_time.add(milliseconds_between(record_.dequeued, record_.connected));
    counters.response_time.add(milliseconds_between(record_.connected, record_.answered));
    counters.total_time.add(milliseconds_between(record_.received, record_.end));
  });
  if (const ServerState* server = dispatch_.server())
    record_.server_connections = server->live->sessions();
  if (backend) record_.backend_connections = backend->sessions.current();
  worker_.log_access(client_->frontend(), record_);
  client_ = nullptr;
  worker_.give_back(*this);
}

/// Puts the one deadline where the exchange now hangs: at the server or at the client.
void RequestRelay::await_next() {
  const TimePoint now = worker_.loop().now();
  const Timeouts& server = dispatch_.backend() ? dispatch_.backend()->config.timeout : kNoTimeouts;
  const Duration client = client_->frontend().config.timeout.client;
  if (phase_ == Phase::Tunnel) {
    timer_.arm(after(now, server.tunnel > 0s ? server.tunnel : std::max(client, server.server)));
    return client_->arm(kNever);
  }
  const bool client_owes_body =
      !request_complete_ && server_socket() && !server_socket()->has_output();
  if (client_->socket().has_output() || client_owes_body) {
    timer_.disarm();
    return client_->arm(after(now, client));
  }
  timer_.arm(after(now, server.server));
  client_->arm(kNever);
}

}  // namespace hapair::proxy
