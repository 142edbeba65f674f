#include "proxy/runtime/relay_session.h"

#include <sys/epoll.h>

#include <algorithm>

#include "proxy/exchange/balance_key.h"
#include "proxy/runtime/worker.h"

namespace hapair::proxy {
namespace {

// Reads in a row before others get their turn.
constexpr int kReadsPerTurn = 4;
// A read this long means that more of the kind follows; this many splices in a row that are shorter
// than that mean that it ended. One such splice is what a sender's pieces leave between two long ones.
constexpr std::size_t kBulkRead = Worker::kScratch;
constexpr std::size_t kSmallSplice = 16 * 1024;
constexpr std::uint8_t kSmallSplices = 2;

}  // namespace

RelaySession::RelaySession(Worker& worker, Generation& generation, FrontendState& frontend,
                           int fd, const SocketAddress& peer)
    : Session(generation, frontend),
      worker_(worker),
      client_(worker.buffers()),
      timer_(worker.loop(), [this] { on_timeout(); }),
      dispatch_(worker, *this) {
  client_.adopt(fd, worker.loop(), *this);
  record_.client = peer;
  record_.start = worker.loop().now();
  record_.frontend = record_.backend = frontend.config.name;
}

void RelaySession::begin() {
  const auto index = route();
  if (!index) return;
  if (*index < 0) return end({'S', 'C'});
  BackendState& backend = *snapshot().backends[static_cast<std::size_t>(*index)];
  record_.backend = backend.config.name;
  backend.sessions.enter();
  counted_ = true;
  Dispatch::Order order{.priority = frontend().config.priority};
  if (backend.config.balance.hashes())
    order.key = exchange::balance_key(backend.config.balance.key, backend.key_hash, record_.client.ip);
  dispatch_.enter(backend);
  dispatch_.start(Dispatch::Reuse::Never, order, record_);
}

/// The backend's index, -1 for none; nothing: a route denied the connection, which is over.
std::optional<int> RelaySession::route() {
  const FrontendRules& rules = frontend().rules;
  if (!rules.any()) return frontend().config.default_backend;
  const SocketAddress arrived_at =
      rules.needs_destination() ? destination(client_) : SocketAddress{};
  const Decision decision =
      rules.decide({.source = &record_.client, .destination = &arrived_at}, {}, snapshot());
  if (decision.kind == Decision::Kind::Backend) return decision.backend;
  ++frontend().counters[worker_.index()].denied_requests;
  end(decision.why);
  return std::nullopt;
}

StreamSocket* RelaySession::server_socket() {
  return dispatch_.is_connected() ? &dispatch_.connection()->socket() : nullptr;
}

void RelaySession::describe(SessionView& view) const {
  view.http = false;
  view.client = record_.client;
  view.accepted = record_.start;
  view.expires = std::min(timer_.deadline(), dispatch_.deadline());
  view.bytes_out = down_.moved;
  view.retries = record_.retries;
  if (dispatch_.backend()) view.backend = dispatch_.backend()->config.name;
  if (const ServerState* chosen = dispatch_.server()) {
    view.server = chosen->config.name;
    if (record_.server_address) view.server_address = *record_.server_address;
  }
  view.phase = closed_                    ? "closing"
               : dispatch_.is_connected() ? "data"
               : dispatch_.is_queued()    ? "queue"
                                          : "connect";
}

const balance::Server* RelaySession::server() const {
  return dispatch_.held_server();
}

void RelaySession::end_because(EndCause cause) {
  if (cause != EndCause::Operator && !dispatch_.is_connected()) return dispatch_.on_server_lost();
  end({static_cast<char>(cause), dispatch_.is_connected() ? 'D'
                                 : dispatch_.is_queued()  ? 'Q'
                                                          : 'C'},
      /*reset=*/true);
}

void RelaySession::on_dispatched() {
  on_activity();
  pump_to_server();
  // It may be the server who speaks first.
  if (up_.moved == 0 && server_socket()) server_socket()->complete_handshake();
}

void RelaySession::on_dispatch_failed(exchange::Termination why) { end(why); }

void RelaySession::on_ready(std::uint32_t events) {
  client_.on_events(events);
  const char phase = server_socket() ? 'D' : dispatch_.is_queued() ? 'Q' : 'C';
  if (events & EPOLLERR) return end({'C', phase}, /*reset=*/true);
  // Who has said all he will (nc -N) waits for the answer; who has left without a word does not.
  if ((events & EPOLLRDHUP) && dispatch_.is_queued() && !client_.has_unread_bytes())
    return end({'C', phase});
  if (!server_socket()) return;
  if ((events & EPOLLOUT) && client_.has_output()) {
    if (!client_.flush()) return end({'C', 'D'}, /*reset=*/true);
    if (client_.has_output()) {
      on_activity();
    } else {
      pump_to_client();
    }
  }
  if (!closed_ && client_.is_readable()) pump_to_server();
}

void RelaySession::on_server_readable() { pump_to_client(); }

void RelaySession::on_server_drained() { pump_to_server(); }

void RelaySession::on_server_broken() {
  // A server may answer, close and reset before it has read all: what it said is still to be read.
  up_.ended = true;
  server_socket()->on_events(EPOLLIN | EPOLLHUP);
  pump_to_client();
}

void RelaySession::pump_to_server() {
  settle(pump(client_, *server_socket(), up_, *this), /*towards_server=*/true);
}

void RelaySession::pump_to_client() {
  settle(pump(*server_socket(), client_, down_, *dispatch_.connection()), /*towards_server=*/false);
}

RelaySession::Moved RelaySession::pump(StreamSocket& from, StreamSocket& to, Flow& flow,
                                       Watcher& source) {
  for (int reads = 0; !to.has_output() && !flow.ended; ++reads) {
    if (!from.is_readable()) return Moved::Blocked;
    if (reads == kReadsPerTurn) {
      worker_.loop().resume(source, EPOLLIN);
      return Moved::Blocked;
    }
    StreamSocket::ReadResult read{StreamSocket::Read::NoPipe};
    bool broken = false;
    if (flow.splices > 0) {
      read = to.splice_from(from, SplicePipe::kSize, broken);
      if (read.size >= kSmallSplice)
        flow.splices = kSmallSplices;
      else if (read.kind == StreamSocket::Read::Bytes)
        --flow.splices;
    }
    if (read.kind == StreamSocket::Read::NoPipe) {
      char* const scratch = worker_.scratch();
      read = from.read(scratch, Worker::kScratch);
      if (read.kind == StreamSocket::Read::Bytes) {
        broken = !to.write(std::string_view(scratch, read.size));
        flow.splices = read.size >= kBulkRead ? kSmallSplices : 0;
      }
    }
    switch (read.kind) {
      case StreamSocket::Read::Bytes:
        flow.moved += read.size;
        if (broken) return Moved::DestinationFailed;
        break;
      case StreamSocket::Read::End:
        flow.ended = true;
        // With both directions over, closing says it.
        if (!up_.ended || !down_.ended) to.shutdown_write();
        return Moved::All;
      case StreamSocket::Read::Failed: return Moved::SourceFailed;
      case StreamSocket::Read::Nothing:
      case StreamSocket::Read::NoPipe: return Moved::Blocked;
    }
  }
  return flow.ended && !to.has_output() ? Moved::All : Moved::Blocked;
}

void RelaySession::settle(Moved moved, bool towards_server) {
  const char client_cause = 'C', server_cause = 'S';
  switch (moved) {
    case Moved::SourceFailed:
      return end({towards_server ? client_cause : server_cause, 'D'}, /*reset=*/true);
    case Moved::DestinationFailed:
      if (towards_server) return on_server_broken();
      return end({client_cause, 'D'}, /*reset=*/true);
    case Moved::All:
      if (up_.ended && down_.ended) return end({});
      break;
    case Moved::Blocked: break;
  }
  on_activity();
}

exchange::Silence RelaySession::silence() const {
  return exchange::tunnel_silence(frontend().config.timeout, dispatch_.backend()->config.timeout,
                                  up_.ended, down_.ended);
}

void RelaySession::on_activity() {
  timer_.arm(after(worker_.loop().now(), silence().longest));
}

void RelaySession::on_timeout() {
  end({silence().cause, 'D'});
}

void RelaySession::end(exchange::Termination why, bool reset) {
  if (closed_) return;
  closed_ = true;
  timer_.disarm();
  record_.termination = why;
  record_.end = worker_.loop().now();
  record_.bytes_in = up_.moved;
  record_.bytes_out = down_.moved - std::min<std::uint64_t>(down_.moved, client_.output_size());
  SocketAddress source;
  if (frontend().logs_source) record_.source = dispatch_.source(source);
  dispatch_.release();
  BackendState* backend = dispatch_.backend();
  if (counted_) backend->sessions.leave();

  stats::FrontendCounters& front = frontend().counters[worker_.index()];
  front.bytes_in.add(up_.moved);
  front.bytes_out.add(record_.bytes_out);
  dispatch_.count([&](stats::ServerCounters& counters) {
    counters.bytes_in.add(up_.moved);
    counters.bytes_out.add(record_.bytes_out);
    Dispatch::add_times(counters, record_);
    if (why.cause == 'C' || why.cause == 'c') ++counters.client_aborts;
    if (why.phase == 'D' && (why.cause == 'S' || why.cause == 's')) ++counters.server_aborts;
    if (why.phase == 'D' && why.cause == 'S') ++counters.response_errors;
  });
  if (const ServerState* server = dispatch_.server()) {
    record_.server_connections = server->live->sessions();
  }
  if (backend) record_.backend_connections = backend->sessions.current();
  const bool said_nothing = up_.moved == 0 && down_.moved == 0;
  if (frontend().config.log_null || !said_nothing || why.cause != '-')
    worker_.log_access(*this, client_, record_);

  worker_.loop().forget(client_.fd(), *this);
  client_.close(reset);
  worker_.retire(*this);
}

}  // namespace hapair::proxy
