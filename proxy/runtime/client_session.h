// One client's connection: reads requests, one at a time, and writes what becomes of them.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/address.h"
#include "common/loop/loop.h"
#include "proxy/exchange/access_record.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/runtime/session.h"
#include "proxy/runtime/stream_socket.h"

namespace hapair::proxy {

class Worker;
class RequestRelay;

/// Lives on its worker's thread. An idle session holds no buffer and no relay.
class ClientSession final : public Session {
 public:
  ClientSession(Worker& worker, Generation& generation, FrontendState& frontend, int fd,
                const SocketAddress& peer);

  void on_ready(std::uint32_t events) override;
  void on_reload() override;
  void describe(SessionView& view) const override;
  const balance::Server* server() const override;
  void end_because(EndCause cause) override;
  void on_drain() override;
  /// No other request may follow the one that is under way: the daemon drains, or the frontend is
  /// no longer in the configuration.
  bool is_last_request() const { return !serves_newest(); }

  Worker& worker() { return worker_; }
  const SocketAddress& peer() const { return peer_; }
  /// When the connection was accepted, or the answer before was complete.
  TimePoint idle_since() const { return idle_since_; }
  /// The client's address as text, written into `buffer` (64 bytes) if it must be made.
  std::string_view peer_text(char* buffer) const;
  StreamSocket& socket() { return socket_; }
  /// Server connections of its own wait, or waited, for its next request; they end with it.
  bool has_private() const { return has_private_; }
  void set_has_private() { has_private_ = true; }

  // For the relay of the request that is under way.

  /// The bytes that came behind the request's head: body, perhaps the next request. They stay
  /// where they are until request_consumed().
  char* behind_head() { return head_.get() + head_size_; }
  std::size_t behind_head_size() const { return received_ - head_size_; }
  /// The body's beginning, which stands behind the head, is sent and will not be needed again.
  void drop_body() { received_ = next_request_ = head_size_; }
  /// Only `size` bytes of what stands behind the head are kept.
  void keep_behind_head(std::size_t size) {
    received_ = next_request_ = head_size_ + static_cast<std::uint32_t>(size);
  }
  /// A head's first read would still find room behind what is there.
  bool may_read_behind_head() const { return received_ < kFirstRead; }
  /// Reads more behind what is there, as far as that room goes.
  StreamSocket::ReadResult read_behind_head();
  /// How many more bytes fit behind what is there; never none.
  std::size_t room() const { return kHeadBuffer - received_; }
  /// Says where the request ended: at `offset` bytes behind its head.
  void request_ends_at(std::size_t offset) {
    next_request_ = head_size_ + static_cast<std::uint32_t>(offset);
  }
  /// What was received behind the end of the request.
  std::string_view ahead() const {
    return {head_.get() + next_request_, received_ - next_request_};
  }
  void drop_ahead() { received_ = next_request_; }
  /// Keeps bytes that were read too far: they belong to the next request.
  void stash(std::string_view bytes);

  /// The client's own deadline while a request is under way; kNever: none.
  void arm(TimePoint deadline) { timer_.arm(deadline); }

  enum class Next : std::uint8_t {
    Request,  // the connection goes on
    Close,    // the client has announced that it sends no more, and all of ours is on its way
    Linger,   // it may still be sending, and must not lose what we said
  };
  /// The response is written and flushed. The relay is given back and must not be touched again.
  void on_exchange_done(Next next);
  /// Nothing sensible can be said to this client any more.
  void abort(bool reset);

 private:
  enum class State : std::uint8_t { ReadingHead, Relaying, Lingering, Closed };

  void pump();
  bool serves_newest() const;
  /// Serves by the newest snapshot, if that has its frontend.
  void follow();
  /// False: needs more bytes.
  bool read_head();
  void begin_exchange(RequestRelay& relay, std::size_t head_size);
  void capture(http::H1Error error, std::size_t position);
  void refuse(int status, exchange::Termination termination, bool broken = false);
  /// Something was said, or somebody wants to know that nothing was.
  bool is_worth_a_line() const;
  void log_unasked(int status, exchange::Termination termination, std::size_t bytes_out);
  void on_timeout();
  void on_end_while_reading(bool broken);
  void on_broken();
  void move_to_next_request();
  void linger();
  void discard_input();
  void close(bool reset);

  Worker& worker_;
  StreamSocket socket_;
  Timer timer_;
  SocketAddress peer_;
  State state_ = State::ReadingHead;
  bool pumping_ = false;
  bool first_request_ = true;
  bool has_private_ = false;
  http::HeadScanner scanner_;
  BufferPool::HeadBuffer head_;     // null while idle
  std::uint32_t received_ = 0;      // bytes in head_
  std::uint32_t head_size_ = 0;     // of the request under way
  std::uint32_t next_request_ = 0;  // where the next one begins in head_
  RequestRelay* relay_ = nullptr;   // of the request under way
  TimePoint began_{};               // first byte of the request
  TimePoint accepted_{};
  TimePoint idle_since_{};
};

}  // namespace hapair::proxy
