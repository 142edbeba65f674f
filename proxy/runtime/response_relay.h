// The response half of a relay: reads a response from its server and writes it to the client.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/exchange/access_record.h"
#include "proxy/exchange/response_plan.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/runtime/buffer_pool.h"
#include "proxy/runtime/server_connection.h"

namespace hapair::proxy {

class Worker;

/// Who knows the request that a response answers, and so what is to become of the response.
class ResponsePlanner {
 public:
  /// Called for every head, interim ones too, before any of it is sent on.
  virtual exchange::ResponsePlan plan(const http::ResponseHead& response) = 0;

 protected:
  ~ResponsePlanner() = default;
};

/// Owned by the relay of its request, and used for one response after another. It ends nothing: it
/// says what happened, and its owner decides. The server is not read while the client has not taken
/// what it was given.
class ResponseRelay {
 public:
  ResponseRelay(Worker& worker, ResponsePlanner& planner, exchange::AccessRecord& record);

  /// Forgets the response before.
  void begin();

  enum class Outcome : std::uint8_t {
    Going,         // more to come: from the server, or once the client has taken its part
    Upgraded,      // the 101 went to the client: from here the connections are a tunnel
    Complete,      // all of it is written, or kept for the client
    HalfClosed,    // the server's direction of a tunnel; the client has taken all of it
    Ended,         // the server closed or broke the connection before the response was complete
    Malformed,     // what the server sent is no response to this request
    Rejected,      // the planner wants another response than this one; nothing of it was sent on
    ClientBroken,  // the connection to the client
  };
  /// Moves what there is to move. After Upgraded, call again: there may be more.
  Outcome pump(ServerConnection& server, StreamSocket& client);
  /// Gives its buffer back. Call at the end of every exchange.
  void release();

  /// Nothing of it was received, not even an interim response.
  bool is_untouched() const { return interim_ == 0 && partial_size_ == 0 && state_ == State::Head; }
  /// The client has had an interim response.
  bool has_sent_interim() const { return interim_ > 0; }
  /// The final head went to the client: nothing else can be said any more.
  bool has_begun() const { return state_ != State::Head; }
  bool is_tunnel() const { return state_ == State::Tunnel; }
  const exchange::ResponsePlan& plan() const { return plan_; }

 private:
  enum class State : std::uint8_t { Head, Body, Tunnel };

  Outcome take(char* data, std::size_t size, StreamSocket& client);
  Outcome splice(StreamSocket& server, StreamSocket& client);
  Outcome on_end(bool failed) const;
  void withdraw_head();
  void keep_partial(const char* data, std::size_t size);
  bool write(char* head, std::size_t head_size, char* body, std::size_t body_size,
             StreamSocket& client);

  Worker& worker_;
  ResponsePlanner& planner_;
  exchange::AccessRecord& record_;
  State state_ = State::Head;
  bool may_splice_ = true;  // until the kernel refuses a pipe
  unsigned interim_ = 0;    // interim responses so far

  http::ResponseHead head_;
  exchange::ResponsePlan plan_;
  http::BodyDecoder body_;
  BufferPool::HeadBuffer partial_;  // a head that came in pieces
  std::size_t partial_size_ = 0;
};

}  // namespace hapair::proxy
