#include "proxy/runtime/client_session.h"

#include <arpa/inet.h>
#include <sys/epoll.h>

#include <charconv>
#include <cstring>

#include "proxy/exchange/answers.h"
#include "proxy/runtime/request_relay.h"
#include "proxy/runtime/worker.h"

namespace hapair::proxy {
namespace {

// After our last byte, how long we read on so that a reset does not destroy it on its way.
constexpr Duration kLinger = std::chrono::seconds(1);
// While draining, how long an idle connection may still begin a request (which is answered, with
// the end announced). Whoever is about to send one shall not meet a closed door.
constexpr Duration kIdleGrace = std::chrono::seconds(1);
// Reads and requests in a row before others get their turn: what we answer ourselves is answered
// at once, and a client can ask as fast as that.
constexpr int kStepsPerTurn = 8;
// The same for reads of what nobody wants, which are longer.
constexpr int kReadsPerTurn = 4;

}  // namespace

ClientSession::ClientSession(Worker& worker, Generation& generation, FrontendState& frontend,
                             int fd, const SocketAddress& peer)
    : Session(generation, frontend),
      worker_(worker),
      socket_(worker.buffers()),
      timer_(worker.loop(), [this] { on_timeout(); }),
      peer_(peer),
      accepted_(worker.loop().now()),
      idle_since_(accepted_) {
  timer_.arm(after(worker.loop().now(), frontend.config.timeout.effective_request()));
  socket_.adopt(fd, worker.loop(), *this);
}

std::string_view ClientSession::peer_text(char* buffer) const {
  if (!peer_.ip.is_v4()) {
    ::inet_ntop(AF_INET6, peer_.ip.data(), buffer, 64);
    return buffer;
  }
  char* at = buffer;
  for (int i = 0; i < 4; ++i) {
    at = std::to_chars(at, at + 3, peer_.ip.data()[i]).ptr;
    *at++ = '.';
  }
  return {buffer, static_cast<std::size_t>(at - 1 - buffer)};
}

void ClientSession::on_reload() {
  if (state_ == State::Relaying) return relay_->on_reload();
  follow();
}

void ClientSession::on_drain() {
  if (state_ == State::Relaying) return relay_->on_drain();
  if (state_ != State::ReadingHead || received_ > 0) return;
  timer_.arm(std::min(timer_.deadline(), worker_.loop().now() + kIdleGrace));
}

bool ClientSession::serves_newest() const { return worker_.serves_by(generation()); }

void ClientSession::follow() {
  if (FrontendState* heir = worker_.snapshot().find(frontend().config))
    move_to(worker_.generation(), *heir);
}

void ClientSession::on_ready(std::uint32_t events) {
  socket_.on_events(events);
  const bool ends_in_order = (events & (EPOLLERR | EPOLLHUP)) == EPOLLHUP &&
                             state_ == State::Relaying && relay_->awaits_client_end();
  if ((events & (EPOLLERR | EPOLLHUP)) && !ends_in_order) {
    // Both directions are gone: whatever is under way has no one to go to.
    return on_broken();
  }
  // Whoever leaves the queue does not wait in front of others (HAProxy's abortonclose).
  const auto has_left_queue = [&] {
    return (events & EPOLLRDHUP) && state_ == State::Relaying && relay_->is_queued();
  };
  if (has_left_queue()) return relay_->on_client_gone();
  if ((events & EPOLLOUT) && socket_.has_output()) {
    if (!socket_.flush()) return on_broken();
    // Whoever takes bytes, however slowly, is not timed out.
    if (state_ == State::Lingering) {
      timer_.arm(after(worker_.loop().now(), frontend().config.timeout.client));
      linger();
    } else if (state_ == State::Relaying) {
      if (socket_.has_output()) {
        relay_->on_client_progress();
      } else {
        relay_->on_client_drained();
      }
    }
  }
  if (socket_.is_open() && socket_.is_readable()) pump();
  // The request and its client's farewell may come as one event.
  if (has_left_queue()) relay_->on_client_gone();
}

void ClientSession::describe(SessionView& view) const {
  view.client = peer_;
  view.accepted = accepted_;
  view.expires = timer_.deadline();
  switch (state_) {
    case State::ReadingHead: view.phase = received_ > 0 ? "request" : "idle"; return;
    case State::Relaying: return relay_->describe(view);
    case State::Lingering:
    case State::Closed: view.phase = "closing"; return;
  }
}

const balance::Server* ClientSession::server() const {
  return state_ == State::Relaying ? relay_->server() : nullptr;
}

void ClientSession::end_because(EndCause cause) {
  if (state_ == State::Relaying) return relay_->end_because(cause);
  if (state_ == State::ReadingHead && is_worth_a_line())
    log_unasked(-1, {static_cast<char>(cause), 'R'}, 0);
  close(false);
}

void ClientSession::pump() {
  if (pumping_) return;  // an exchange that ended at once: the loop below goes on
  pumping_ = true;
  int steps = 0;
  for (bool more = true; more; ++steps) {
    switch (state_) {
      case State::ReadingHead:
        if (steps >= kStepsPerTurn) {
          // The next request may stand in our buffer alone, and no event would tell of it.
          worker_.loop().resume(*this, EPOLLIN);
          more = false;
        } else {
          more = read_head();
        }
        break;
      case State::Relaying:
        relay_->on_client_readable();
        more = state_ == State::ReadingHead;
        break;
      case State::Lingering:
        discard_input();
        more = false;
        break;
      case State::Closed: more = false; break;
    }
  }
  pumping_ = false;
}

bool ClientSession::read_head() {
  const bool fresh = received_ == 0;
  if (!fresh && scanner_.may_be_complete({head_.get(), received_})) {
    RequestRelay& relay = worker_.take_relay();
    const http::HeadResult found =
        http::parse_request_head({head_.get(), received_}, relay.head());
    if (found.status == http::HeadStatus::Complete && found.size <= kMaxHead) {
      begin_exchange(relay, found.size);
      return true;
    }
    worker_.give_back(relay);
    if (found.status != http::HeadStatus::Incomplete) {
      capture(found.status == http::HeadStatus::Failed ? found.error : http::H1Error::HeadTooLarge,
              found.size);
      refuse(400, {'P', 'R'});
      return false;
    }
  }
  if (received_ >= kMaxHead) {
    capture(http::H1Error::HeadTooLarge, kMaxHead);
    refuse(400, {'P', 'R'});
    return false;
  }
  if (!socket_.is_readable()) return false;
  if (!head_) head_ = worker_.buffers().take_head();
  const auto read = socket_.read(head_.get() + received_, kFirstRead - received_);
  switch (read.kind) {
    case StreamSocket::Read::Bytes: break;
    case StreamSocket::Read::NoPipe:  // no read asks for one
    case StreamSocket::Read::Nothing:
      if (fresh) worker_.buffers().give(std::move(head_));
      return false;
    case StreamSocket::Read::End: on_end_while_reading(/*broken=*/false); return false;
    case StreamSocket::Read::Failed: on_end_while_reading(/*broken=*/true); return false;
  }
  if (fresh) {
    began_ = worker_.loop().now();
    if (!first_request_)
      timer_.arm(after(began_, frontend().config.timeout.effective_request()));
  }
  received_ += static_cast<std::uint32_t>(read.size);
  return true;
}

void ClientSession::begin_exchange(RequestRelay& relay, std::size_t head_size) {
  head_size_ = static_cast<std::uint32_t>(head_size);
  next_request_ = received_;
  first_request_ = false;
  relay_ = &relay;
  state_ = State::Relaying;
  timer_.disarm();
  relay.begin(*this, began_);
}

bool ClientSession::is_worth_a_line() const {
  return received_ > 0 || (first_request_ && frontend().config.log_null);
}

void ClientSession::on_end_while_reading(bool broken) {
  if (is_worth_a_line()) return refuse(400, {'C', 'R'}, broken);
  close(false);  // nothing was asked, nothing is owed
}

/// Both directions are gone at once.
void ClientSession::on_broken() {
  if (state_ == State::Relaying) return relay_->on_client_gone();
  if (state_ != State::ReadingHead) return close(false);
  // What came with the reset was said all the same.
  if (received_ == 0) {
    if (!head_) head_ = worker_.buffers().take_head();
    began_ = worker_.loop().now();
    const auto read = socket_.read(head_.get(), kFirstRead);
    if (read.kind == StreamSocket::Read::Bytes) received_ = static_cast<std::uint32_t>(read.size);
  }
  on_end_while_reading(/*broken=*/true);
}

void ClientSession::on_timeout() {
  switch (state_) {
    case State::Relaying: return relay_->on_client_timeout();
    case State::ReadingHead:
      // RFC 9110 15.5.9 is for requests that began; between requests the connection just ends.
      if (!is_worth_a_line() || (received_ == 0 && worker_.is_draining())) return close(false);
      return refuse(408, {'c', 'R'});
    case State::Lingering: return close(false);
    case State::Closed: return;
  }
}

/// Keeps the head that is no head for whoever wants to know.
void ClientSession::capture(http::H1Error error, std::size_t position) {
  exchange::AccessRecord record;
  record.client = peer_;
  record.frontend = record.backend = frontend().config.name;
  worker_.capture_error(/*is_response=*/false, record, error, {head_.get(), received_}, position);
}

/// Answers a request that never became one; if its connection is broken, for the record alone.
void ClientSession::refuse(int status, exchange::Termination termination, bool broken) {
  auto& counters = frontend().counters[worker_.index()];
  ++counters.request_errors;
  counters.responses.count(status);
  const exchange::Page* own = frontend().rules.error_pages().find(status);
  const std::string_view bytes = broken ? std::string_view()
                                 : own  ? own->bytes({.close = true})
                                        : exchange::answer(status, {.close = true});
  if (own) status = own->status();
  counters.bytes_out.add(bytes.size());
  log_unasked(status, termination, bytes.size());
  if (broken) return close(false);
  if (!socket_.write(bytes, /*last=*/true)) return close(false);
  linger();
}

/// The line of a connection whose request never became one.
void ClientSession::log_unasked(int status, exchange::Termination termination,
                                std::size_t bytes_out) {
  exchange::AccessRecord record;
  record.client = peer_;
  record.idle_since = idle_since_;
  record.start = received_ > 0 ? began_ : idle_since_;
  record.frontend = record.backend = frontend().config.name;
  record.end = worker_.loop().now();
  record.status = status;
  record.bytes_out = bytes_out;
  record.termination = termination;
  worker_.log_access(*this, socket_, record);
}

void ClientSession::on_exchange_done(Next next) {
  relay_ = nullptr;
  if (next == Next::Close) return close(false);
  if (next == Next::Linger) return linger();
  move_to_next_request();
  if (!pumping_ && (received_ > 0 || socket_.is_readable())) pump();
}

void ClientSession::move_to_next_request() {
  state_ = State::ReadingHead;
  if (!serves_newest()) [[unlikely]] follow();
  scanner_.reset();
  const TimePoint now = worker_.loop().now();
  idle_since_ = now;
  received_ -= next_request_;
  if (received_ > 0) {
    std::memmove(head_.get(), head_.get() + next_request_, received_);
    began_ = now;
    timer_.arm(after(now, frontend().config.timeout.effective_request()));
  } else {
    worker_.buffers().give(std::move(head_));
    timer_.arm(after(now, frontend().config.timeout.effective_keep_alive()));
    if (worker_.is_draining()) on_drain();
  }
}

StreamSocket::ReadResult ClientSession::read_behind_head() {
  const auto read = socket_.read(head_.get() + received_, kFirstRead - received_);
  if (read.kind == StreamSocket::Read::Bytes) received_ += static_cast<std::uint32_t>(read.size);
  return read;
}

void ClientSession::stash(std::string_view bytes) {
  std::memcpy(head_.get() + received_, bytes.data(), bytes.size());
  next_request_ = received_;
  received_ += static_cast<std::uint32_t>(bytes.size());
}

/// Sends what is left, says that no more will come, and reads until the client has heard it.
void ClientSession::linger() {
  if (!socket_.is_open()) return;
  const bool entering = state_ != State::Lingering;
  state_ = State::Lingering;
  if (head_) worker_.buffers().give(std::move(head_));
  const TimePoint now = worker_.loop().now();
  if (entering) timer_.arm(after(now, frontend().config.timeout.client));
  if (socket_.has_output()) return;
  if (socket_.saw_end() && !socket_.is_readable()) return close(false);
  socket_.shutdown_write();
  timer_.arm(now + kLinger);
  discard_input();
}

void ClientSession::discard_input() {
  for (int reads = 0; socket_.is_open() && socket_.is_readable(); ++reads) {
    if (reads == kReadsPerTurn) return worker_.loop().resume(*this, EPOLLIN);
    const auto read = socket_.read(worker_.scratch(), Worker::kScratch);
    if (read.kind == StreamSocket::Read::End || read.kind == StreamSocket::Read::Failed) {
      if (!socket_.has_output()) close(false);
      return;
    }
  }
}

void ClientSession::abort(bool reset) {
  relay_ = nullptr;
  close(reset);
}

void ClientSession::close(bool reset) {
  if (state_ == State::Closed) return;
  state_ = State::Closed;
  timer_.disarm();
  if (head_) worker_.buffers().give(std::move(head_));
  worker_.loop().forget(socket_.fd(), *this);
  socket_.close(reset);
  if (has_private_) [[unlikely]]
    worker_.close_private(id);
  worker_.retire(*this);
}

}  // namespace hapair::proxy
