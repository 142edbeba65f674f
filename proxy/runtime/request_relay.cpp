#include "proxy/runtime/request_relay.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "common/text.h"
#include "proxy/exchange/answers.h"
#include "proxy/exchange/balance_key.h"
#include "proxy/runtime/client_session.h"
#include "proxy/runtime/worker.h"

namespace hapair::proxy {
namespace {

const Timeouts kNoTimeouts;

// What a kernel sends without being told that any of it has arrived: ten segments (RFC 6928).
constexpr std::uint64_t kSentAtOnce = 10 * 1460;

bool has_field(const http::FieldList& fields, std::string_view name) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const http::Field& field) { return iequals(field.name, name); });
}

}  // namespace

RequestRelay::RequestRelay(Worker& worker)
    : worker_(worker),
      dispatch_(worker, *this),
      timer_(worker.loop(), [this] { on_timeout(); }),
      content_(worker, record_),
      response_(worker, *this, record_) {}

stats::FrontendCounters& RequestRelay::frontend_counters() {
  return client_->frontend().counters[worker_.index()];
}

/// Null unless the request is at a server.
StreamSocket* RequestRelay::server_socket() {
  return dispatch_.is_connected() ? &dispatch_.connection()->socket() : nullptr;
}

void RequestRelay::begin(ClientSession& client, TimePoint first_byte) {
  client_ = &client;
  response_.begin();
  persistence_ = nullptr;
  phase_ = Phase::Dispatching;
  mode_ = client.is_last_request() ? ConnectionMode::Close : client.frontend().config.connection;
  repeated_ = false;
  client_ended_ = server_ended_ = keep_client_ = continued_ = false;
  unlogged_ = false;

  record_.begin(client, request_, first_byte, worker_.loop().now());
  stats::FrontendCounters& counters = frontend_counters();
  ++counters.requests;
  counters.request_rate.count(record_.received);
  if (!content_.begin(request_, client)) {
    ++counters.request_errors;
    return answer(400, {'P', 'R'});
  }
  proceed();
}

void RequestRelay::proceed() {
  const FrontendState& frontend = client_->frontend();
  int chosen = frontend.config.default_backend;
  if (frontend.rules.any() && answers_by_rule(chosen)) return;
  if (answers_statistics(frontend.config.stats)) return;
  if (chosen < 0) return answer(503, {'S', 'C'});
  BackendState& backend = *client_->snapshot().backends[static_cast<std::size_t>(chosen)];
  enter(backend);
  if (answers_statistics(backend.config.stats)) return;
  backend.sessions.enter();
  dispatch_.enter(backend);
  const bool wants_body = exchange::wants_body(backend.config.balance.key, request_);
  if (wants_body && !content_.is_complete()) [[unlikely]] return gather();
  find_server();
}

bool RequestRelay::answers_by_rule(int& backend) {
  const FrontendRules& rules = client_->frontend().rules;
  const SocketAddress arrived_at =
      rules.needs_destination() ? client_->destination(client_->socket()) : SocketAddress{};
  const bool keep = may_keep_client();
  const Decision decision = rules.decide(
      {.request = &request_, .source = &client_->peer(), .destination = &arrived_at},
      {.head = request_.method == http::Method::Head, .close = !keep}, client_->snapshot());
  backend = decision.backend;
  if (decision.kind == Decision::Kind::Backend) return false;
  unlogged_ = decision.monitor;
  stats::FrontendCounters& counters = frontend_counters();
  if (decision.why.cause == 'L') {
    ++counters.intercepted;
  } else if (decision.denied) {
    ++counters.denied_requests;
  } else {
    ++counters.request_errors;
  }
  if (decision.kind == Decision::Kind::ErrorPage) {
    answer(decision.status, decision.why);
  } else {
    record_.termination = decision.why;
    answer_bytes(decision.status, decision.response(), keep);
  }
  return true;
}

/// From here the backend's settings count beside the frontend's.
void RequestRelay::enter(BackendState& backend) {
  record_.backend = backend.config.name;
  mode_ = exchange::stronger(mode_, backend.config.connection);
  persistence_ = backend.persistence.get();
  if (!persistence_) return;
  if (!stay_) stay_ = std::make_unique<exchange::Stay>();
  stay_->reset();
}

/// Waits for the content, until all of it is here or the buffer is full.
void RequestRelay::gather() {
  phase_ = Phase::Gathering;
  client_->keep_behind_head(content_.early_size());
  client_->arm(after(worker_.loop().now(), client_->frontend().config.timeout.effective_request()));
  if (awaits_continue()) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    continued_ = true;
    record_.bytes_out += kContinue.size();
    if (!client_->socket().write(kContinue)) return client_aborted('C');
  }
  gather_content();
}

void RequestRelay::gather_content() {
  using Outcome = RequestContent::Outcome;
  switch (content_.gather(*client_)) {
    case Outcome::Going: return;
    case Outcome::Malformed: ++frontend_counters().request_errors; return answer(400, {'P', 'R'});
    case Outcome::Complete: break;
    default: return client_aborted('C');
  }
  phase_ = Phase::Dispatching;
  client_->arm(kNever);
  find_server();
}

/// Balance, admission, connection: Dispatch answers when all three are done.
void RequestRelay::find_server() {
  BackendState& backend = *dispatch_.backend();
  Dispatch::Order order{.priority = client_->frontend().config.priority};
  if (backend.config.balance.hashes())
    order.key = exchange::balance_key(backend.config.balance.key, backend.key_hash,
                                      client_->peer().ip, request_, content_.early(*client_));
  const auto reuse = mode_ != ConnectionMode::KeepAlive ? Dispatch::Reuse::Never
                     : is_idempotent(request_.method)   ? Dispatch::Reuse::Always
                                                        : Dispatch::Reuse::Fresh;
  if (persistence_) {
    persistence_->read(request_, backend.farm, wall_now(), stay_->visit);
    order.homes = stay_->visit.servers;
  }
  order.has_private = client_->has_private();
  if (order.has_private && order.homes.empty()) [[unlikely]]
    order.homes = private_home();
  dispatch_.start(reuse, order, record_);
}

/// The server where the client is known by its connection: the legs of a handshake must not go
/// around.
std::span<const int> RequestRelay::private_home() {
  const BackendState& backend = *dispatch_.backend();
  for (std::size_t i = 0; i < backend.servers.size(); ++i) {
    private_home_ = static_cast<int>(i);
    if (worker_.pool(backend, private_home_).has_private(client())) return {&private_home_, 1};
  }
  return {};
}

std::uint64_t RequestRelay::client() const {
  return client_->id;
}

/// The server knows the client by this connection, or is about to: it is the client's own.
void RequestRelay::claim_connection() {
  dispatch_.connection()->make_private();
  client_->set_has_private();
}

wire::Endpoints RequestRelay::endpoints() {
  return {client_->peer(), client_->destination(client_->socket())};
}

void RequestRelay::on_dispatch_failed(exchange::Termination why) {
  answer(503, why);
}

void RequestRelay::on_dispatched() {
  phase_ = Phase::AtServer;
  if (request_.claims_connection) [[unlikely]]
    claim_connection();
  char* out = worker_.out();
  const std::size_t size = encode_request(out);
  count_to_server(size);
  record_.take_connection(client_->frontend(), dispatch_);
  if (!server_socket()->write(std::string_view(out, size))) return on_server_broken();
  if (content_.is_complete()) return await_next();
  pump_request();
}

// What begins a request: its head and the content that shares the session's buffer with it, our own
// field, the ends of a chunk. Its cuts only take away.
constexpr std::size_t kAddressText = 64;
static_assert(kHeadBuffer + kLongestAddedField + kAddressText + http::kEncoderRoom +
                  http::kChunkHeaderRoom <=
              Worker::kScratch);

/// The head and what came with it of the body.
std::size_t RequestRelay::encode_request(char* out) {
  http::RequestEdits edits{.connection = exchange::plan_request(request_, mode_).connection};
  char address[kAddressText];
  const auto& ours = client_->frontend().config.forwarded_for;
  const auto& theirs = dispatch_.backend()->config.forwarded_for;
  if (const auto* forwarded = theirs ? &*theirs : ours ? &*ours : nullptr) {
    const IpAddress& client = client_->peer().ip;
    const bool excepted = client_->peer().unix_listener != 0 ||
                          std::any_of(forwarded->except.begin(), forwarded->except.end(),
                                      [&](const Cidr& net) { return net.contains(client); });
    edits.kept_name = forwarded->header;
    const bool there = forwarded->if_none && has_field(request_.fields, forwarded->header);
    if (!excepted && !there) {
      edits.add_name = forwarded->header;
      edits.add_value = client_->peer_text(address);
    }
  }
  if (persistence_) edits.cuts = &stay_->visit.cuts;
  const std::size_t size = http::encode_request_head(request_, edits, out);
  return size + content_.encode_early(*client_, out + size);
}

void RequestRelay::on_client_readable() {
  if (phase_ == Phase::Gathering) return gather_content();
  if (dispatch_.is_connected()) pump_request();
}

void RequestRelay::pump_request() {
  if (content_.is_complete()) return;
  std::uint64_t moved = 0;
  const auto outcome = content_.pump(*client_, *server_socket(), moved);
  if (moved > 0) count_to_server(moved);
  using Outcome = RequestContent::Outcome;
  switch (outcome) {
    case Outcome::Ended: return on_client_half_closed();
    case Outcome::ClientBroken: return client_aborted('C');
    case Outcome::ServerBroken: return on_server_broken();
    case Outcome::Malformed: return on_content_malformed();
    case Outcome::Going:
    case Outcome::Complete: await_next();
  }
}

void RequestRelay::count_to_server(std::uint64_t bytes) {
  dispatch_.count([&](stats::ServerCounters& counters) { counters.bytes_in.add(bytes); });
  frontend_counters().bytes_in.add(bytes);
  record_.bytes_in += bytes;
}

void RequestRelay::on_content_malformed() {
  ++frontend_counters().request_errors;
  if (!response_.has_begun()) return answer(400, {'P', 'D'});
  record_.termination = {'P', 'D'};
  cut();
}

/// Only in a tunnel does a request go on without its client.
void RequestRelay::on_client_half_closed() {
  if (!in_tunnel()) return client_aborted('C');
  if (!client_ended_) server_socket()->shutdown_write();
  client_ended_ = true;
  if (server_ended_) return on_response_complete();
  await_next();
}

void RequestRelay::on_server_drained() {
  pump_request();
}

void RequestRelay::on_server_progress() {
  await_next();
}

void RequestRelay::on_server_broken() {
  // A server may answer, close and reset before it has read all: what it said is still to be read.
  server_socket()->on_events(EPOLLIN | EPOLLHUP);
  if (client_->socket().has_output()) return;  // comes up when the client has taken its part
  pump_response();
}

bool RequestRelay::can_repeat() const {
  return dispatch_.is_reused() && !repeated_ && !content_.is_beyond_buffer() &&
         response_.is_untouched() && is_idempotent(request_.method);
}

template <typename Failure>
bool RequestRelay::may_try_again(Failure failure) {
  return !content_.is_beyond_buffer() && !response_.has_sent_interim() &&
         exchange::is_retryable(dispatch_.backend()->config.retry, failure, request_.method) &&
         dispatch_.may_try_again();
}

/// What a server said that the client has not heard, and will not.
void RequestRelay::forget_response() {
  record_.forget_response();
  if (persistence_) stay_->reminder.reset();
}

/// Forgets what the server said, if anything, and gives the request to one once more.
void RequestRelay::try_again() {
  phase_ = Phase::Dispatching;
  timer_.disarm();
  client_->arm(kNever);
  response_.release();
  response_.begin();
  forget_response();
  dispatch_.try_again();
}

exchange::ResponsePlan RequestRelay::plan(const http::ResponseHead& response) {
  record_.take(client_->frontend().config, response);
  auto plan =
      exchange::plan_response(request_, response, mode_, content_.is_complete(), client_ended_);
  if (!plan.interim && !plan.unsolicited) dispatch_.witness(health::evidence_of(response.status));
  if (plan.interim) [[unlikely]]
    dispatch_.count_at_server([&](auto& counters) { counters.responses.count(response.status); });
  if (!dispatch_.backend()->config.retry.statuses.empty()) [[unlikely]]
    plan.rejected = may_try_again(response.status);
  if (response.claims_connection) [[unlikely]]
    claim_connection();
  if (response.status == 100 && std::exchange(continued_, true)) plan.withheld = true;
  if (persistence_ && !plan.interim && !plan.unsolicited && !plan.rejected)
    remind_visitor(response, plan);
  return plan;
}

/// Tells the visitor by a cookie where he belongs.
void RequestRelay::remind_visitor(const http::ResponseHead& response,
                                  exchange::ResponsePlan& plan) {
  auto& [visit, reminder] = *stay_;
  int server = dispatch_.server_index();
  const exchange::Persistence* cookies = persistence_;
  if (server == balance::kNoServer) {  // its cookie is in a later configuration than the request
    server = dispatch_.newest_server_index();
    cookies = dispatch_.newest_backend()->persistence.get();
    visit.servers = {};
    if (!cookies) return;
  }
  cookies->answer(visit, server, request_, response, wall_now(), reminder);
  plan.edits.cuts = &reminder.cuts;
  plan.edits.add_lines = reminder.added();
}

void RequestRelay::pump_response() {
  using Outcome = ResponseRelay::Outcome;
  while (dispatch_.is_connected()) {
    switch (response_.pump(*dispatch_.connection(), client_->socket())) {
      case Outcome::Going: return await_next();
      case Outcome::Upgraded: begin_tunnel(); continue;
      case Outcome::Complete: return on_response_complete();
      case Outcome::HalfClosed: return on_server_half_closed();
      case Outcome::Ended: return on_response_ended();
      case Outcome::Malformed: return on_response_malformed();
      case Outcome::Rejected: return try_again();
      case Outcome::ClientBroken: return client_aborted('C');
    }
  }
}

/// The server is gone before its response was complete.
void RequestRelay::on_response_ended() {
  if (server_ended_) return on_response_complete();  // it had said all, and takes no more
  if (response_.has_begun()) {
    dispatch_.count([](auto& counters) {
      ++counters.server_aborts;
      ++counters.response_errors;
    });
    record_.termination = {'S', 'D'};
    return cut(/*reset=*/response_.is_tunnel());
  }
  if (can_repeat()) {
    repeated_ = true;
    return dispatch_.repeat();
  }
  dispatch_.witness(health::Evidence::ClosedUnanswered);
  using exchange::ResponseFailure;
  if (may_try_again(response_.is_untouched() ? ResponseFailure::Empty : ResponseFailure::Junk))
    return try_again();
  dispatch_.count([](auto& counters) { ++counters.response_errors; });
  answer(502, {'S', 'H'});
}

void RequestRelay::on_response_malformed() {
  dispatch_.witness(response_.has_begun() ? health::Evidence::InvalidBody
                                          : health::Evidence::InvalidHead);
  if (!response_.has_begun() && may_try_again(exchange::ResponseFailure::Junk)) return try_again();
  dispatch_.count([](auto& counters) { ++counters.response_errors; });
  if (!response_.has_begun()) return answer(502, {'P', 'H'});
  record_.termination = {'P', 'D'};
  cut();
}

/// From here both sides speak another protocol, beginning with what the client sent ahead.
void RequestRelay::begin_tunnel() {
  content_.become_tunnel();
  const std::string_view ahead = client_->ahead();
  if (!ahead.empty() && !server_socket()->write(ahead)) {
    // What the server said before it went is still to be read.
    server_socket()->on_events(EPOLLIN | EPOLLHUP);
  }
  client_->drop_ahead();
  // Bytes that came while the answer was awaited had their event already.
  if (client_->socket().is_readable()) worker_.loop().resume(*client_, EPOLLIN);
}

/// Each direction of a tunnel ends for itself.
void RequestRelay::on_server_half_closed() {
  if (client_ended_ || server_ended_) return on_response_complete();
  server_ended_ = true;
  client_->socket().shutdown_write();
  await_next();
}

void RequestRelay::on_response_complete() {
  keep_client_ = !in_tunnel() && response_.plan().keep_client && content_.is_complete();
  dispatch_.release_connection(response_.plan().keep_server && content_.is_complete());
  dispatch_.release();
  phase_ = Phase::Flushing;
  if (client_->socket().has_output()) return await_next();
  finish();
}

void RequestRelay::on_client_progress() {
  if (phase_ != Phase::Dispatching && phase_ != Phase::Gathering) await_next();
}

void RequestRelay::on_client_drained() {
  if (phase_ == Phase::Flushing) return finish();
  pump_response();
}

bool RequestRelay::may_keep_client() const {
  return content_.is_complete() && request_.persistence.keep_alive &&
         mode_ != ConnectionMode::Close;
}

void RequestRelay::answer(int status, exchange::Termination why) {
  record_.termination = why;
  const bool keep = may_keep_client() && status != 400 && status != 408;
  const exchange::AnswerShape shape{.head = request_.method == http::Method::Head, .close = !keep};
  if (const exchange::Page* page = error_page(status))
    return answer_bytes(page->status(), page->bytes(shape), keep);
  answer_bytes(status, exchange::answer(status, shape), keep);
}

/// The backend's, else the frontend's; null: the built-in one.
const exchange::Page* RequestRelay::error_page(int status) {
  const BackendState* backend = dispatch_.backend();
  const exchange::Page* page = backend ? backend->error_pages.find(status) : nullptr;
  return page ? page : client_->frontend().rules.error_pages().find(status);
}

bool RequestRelay::answers_statistics(const std::optional<Stats>& stats) {
  if (!stats || !worker_.statistics().serves(*stats, request_.path_query)) return false;
  record_.server = "<STATS>";
  record_.dequeued = record_.connected = record_.answered = worker_.loop().now();
  record_.termination = {'L', 'R'};
  const bool keep = may_keep_client();
  const http::Field* authorization = request_.fields.find(http::FieldId::Authorization);
  const StatsService::Answer answer = worker_.statistics().answer({
      .snapshot = &worker_.snapshot(),
      .stats = &*stats,
      .path_query = request_.path_query,
      .authorization = authorization ? authorization->value : std::string_view{},
      .head = request_.method == http::Method::Head,
      .close = !keep,
  });
  ++frontend_counters().intercepted;
  answer_bytes(answer.status, answer.bytes, keep);
  return true;
}

void RequestRelay::answer_bytes(int status, std::string_view bytes, bool keep_alive) {
  timer_.disarm();
  forget_response();
  record_.status = status;
  record_.bytes_out += bytes.size();
  keep_client_ = keep_alive;
  phase_ = Phase::Flushing;
  dispatch_.release();
  if (!client_->socket().write(bytes, /*last=*/!keep_alive)) return client_aborted('C');
  if (client_->socket().has_output()) return await_next();
  finish();
}

void RequestRelay::on_timeout() {
  if (in_tunnel() && tunnel_silence().cause == 'c') return client_aborted('c');
  if (phase_ == Phase::AtServer && !response_.has_begun())
    dispatch_.witness(health::Evidence::NoAnswerInTime);
  if (phase_ == Phase::AtServer && !response_.has_begun() &&
      may_try_again(exchange::ResponseFailure::Timeout))
    return try_again();
  if (!response_.has_begun()) {
    dispatch_.count([](auto& counters) { ++counters.response_errors; });
    return answer(504, {'s', 'H'});
  }
  dispatch_.count([](auto& counters) { ++counters.server_aborts; });
  record_.termination = {'s', 'D'};
  cut();
}

void RequestRelay::on_client_timeout() {
  if (phase_ == Phase::Gathering) {
    ++frontend_counters().request_errors;
    return answer(408, {'c', 'R'});
  }
  if (phase_ == Phase::AtServer && !response_.has_begun() && !content_.is_complete()) {
    ++frontend_counters().request_errors;
    return answer(408, {'c', 'D'});
  }
  client_aborted('c');
}

void RequestRelay::on_client_gone() {
  client_aborted('C');
}

void RequestRelay::describe(SessionView& view) const {
  view.expires = std::min({view.expires, timer_.deadline(), dispatch_.deadline()});
  view.request_line = record_.request_line;
  view.bytes_out = record_.bytes_out;
  view.retries = record_.retries;
  if (dispatch_.backend()) view.backend = dispatch_.backend()->config.name;
  if (const ServerState* chosen = dispatch_.server(); chosen && phase_ != Phase::Free) {
    view.server = chosen->config.name;
    if (record_.server_address) view.server_address = *record_.server_address;
  }
  switch (phase_) {
    case Phase::Gathering: view.phase = "request"; return;
    case Phase::Dispatching: view.phase = dispatch_.is_queued() ? "queue" : "connect"; return;
    case Phase::AtServer:
      view.phase = in_tunnel() ? "tunnel" : response_.has_begun() ? "data" : "response";
      return;
    case Phase::Flushing:
    case Phase::Free: view.phase = "data"; return;
  }
}

const balance::Server* RequestRelay::server() const {
  return dispatch_.held_server();
}

void RequestRelay::end_because(EndCause cause) {
  const exchange::Termination why{static_cast<char>(cause), phase_letter()};
  if (cause != EndCause::Operator) {
    if (phase_ == Phase::Dispatching) return dispatch_.on_server_lost();
    const bool untold = !response_.has_begun();
    dispatch_.count([untold](auto& counters) {
      ++(untold ? counters.response_errors : counters.server_aborts);
    });
    if (untold) return answer(502, why);
  }
  record_.termination = why;
  cut();
}

char RequestRelay::phase_letter() const {
  switch (phase_) {
    case Phase::Gathering: return 'R';
    case Phase::Dispatching: return dispatch_.is_queued() ? 'Q' : 'C';
    case Phase::AtServer: return content_.is_complete() && !response_.has_begun() ? 'H' : 'D';
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

/// Ends the exchange in the middle, so that the client can tell that something is missing. `reset`:
/// also where the peers would know themselves.
void RequestRelay::cut(bool reset) {
  record_.bytes_out -= std::min<std::uint64_t>(record_.bytes_out, client_->socket().output_size());
  ClientSession* client = client_;
  // An end is no sign of a loss where it is how the response ends. A tunnel's peers know themselves.
  reset |= response_.plan().ends_by_close;
  conclude();
  client->abort(reset);
}

void RequestRelay::finish() {
  ClientSession* client = client_;
  // Who announced the end may still say something: an empty line behind a POST, another request.
  // Unread, or late, it makes the kernel answer a close with a reset, and forget what is unsent.
  const bool said_all = content_.is_complete() && !request_.persistence.keep_alive &&
                        !client->socket().is_readable();
  const auto next = keep_client_ ? ClientSession::Next::Request
                    : said_all && record_.bytes_out <= kSentAtOnce ? ClientSession::Next::Close
                                                                   : ClientSession::Next::Linger;
  conclude();
  client->on_exchange_done(next);
}

/// Counts, logs and makes the relay free for another request. Nothing of it may be used afterwards.
void RequestRelay::conclude() {
  timer_.disarm();
  response_.release();
  dispatch_.release();
  if (BackendState* backend = dispatch_.backend()) backend->sessions.leave();
  phase_ = Phase::Free;
  record_.end_exchange(frontend_counters(), dispatch_, worker_.loop().now());
  if (persistence_ || client_->frontend().has_cookie) log_cookie_letters();
  if (!unlogged_) worker_.log_access(*client_, client_->socket(), record_);
  dispatch_.forget();
  client_ = nullptr;
  worker_.give_back(*this);
}

void RequestRelay::log_cookie_letters() {
  exchange::Termination& letters = record_.termination;
  if (!persistence_) {
    // As in HAProxy, where the statistics of a listen section are its backend's too.
    if (letters.cause == 'L') letters.cookie_in = letters.cookie_out = 'N';
    return;
  }
  letters.cookie_in = exchange::Persistence::letter(stay_->visit, dispatch_.server_index());
  letters.cookie_out = stay_->reminder.letter;
}

exchange::Silence RequestRelay::tunnel_silence() const {
  return exchange::tunnel_silence(client_->frontend().config.timeout,
                                  dispatch_.backend()->config.timeout, client_ended_,
                                  server_ended_);
}

/// RFC 9110 10.1.1: this client sends no content before it is told to.
bool RequestRelay::awaits_continue() const {
  const http::Field* expect = request_.fields.find(http::FieldId::Expect);
  return expect && request_.http_1_1 && !continued_ && !content_.has_come() &&
         iequals(expect->value, "100-continue");
}

/// Puts the one deadline where the exchange now hangs: at the server or at the client.
void RequestRelay::await_next() {
  const TimePoint now = worker_.loop().now();
  const Timeouts& server = dispatch_.backend() ? dispatch_.backend()->config.timeout : kNoTimeouts;
  const Duration client = client_->frontend().config.timeout.client;
  if (in_tunnel()) {
    timer_.arm(after(now, tunnel_silence().longest));
    return client_->arm(kNever);
  }
  const bool client_owes_body = !content_.is_complete() && server_socket() &&
                                !server_socket()->has_output() && !awaits_continue();
  if (client_->socket().has_output() || client_owes_body) {
    timer_.disarm();
    return client_->arm(after(now, client));
  }
  timer_.arm(after(now, server.server));
  client_->arm(kNever);
}

}  // namespace hapair::proxy
