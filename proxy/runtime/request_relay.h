// Carries one request to a server and its response back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/loop/loop.h"
#include "proxy/exchange/access_record.h"
#include "proxy/exchange/response_plan.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/runtime/dispatch.h"
#include "proxy/runtime/snapshot.h"

namespace hapair::proxy {

class ClientSession;
class Worker;

/// Pooled by its worker: one object serves many requests, one after another. Backpressure is one
/// rule: neither side is read while the other has not taken what it was given.
class RequestRelay final : public DispatchUser {
 public:
  explicit RequestRelay(Worker& worker);

  /// `head` of the next begin() is parsed into this.
  http::RequestHead& head() { return request_; }

  /// Takes the request whose head stands in the session's buffer. May be done before it returns.
  void begin(ClientSession& client, TimePoint first_byte);

  /// Waits for a server's slot.
  bool is_queued() const { return phase_ == Phase::Dispatching && dispatch_.is_queued(); }

  // From the session.
  void on_client_readable();
  void on_client_drained();
  /// The client has taken a part of what waits for it.
  void on_client_progress();
  void on_client_timeout();
  /// The connection to the client is broken; the session is closed by this.
  void on_client_gone();

  // DispatchUser.
  void on_dispatched() override;
  void on_dispatch_failed(exchange::Termination why) override;
  void on_server_connected() override {}  // Dispatch hears that
  void on_server_connect_failed(int) override {}
  void on_server_readable() override { pump_response(); }
  void on_server_drained() override;
  void on_server_progress() override;
  void on_server_broken() override;

 private:
  enum class Phase : std::uint8_t {
    Free,
    Dispatching,  // to a server
    Waiting,      // the request is on its way, no response head yet
    Body,         // response head sent on
    Tunnel,
    Flushing,     // all that is left is the client taking what it was given
  };

  // Towards the server.
  void route();
  std::size_t encode_request(char* out);
  void pump_request();
  bool send_body(char* data, std::size_t size);
  bool can_repeat() const;

  // Towards the client.
  void pump_response();
  /// Lets the kernel move content whose length is known. False: this exchange is over.
  bool splice_response();
  void on_response_end(bool failed);
  bool take_response_bytes(char* data, std::size_t size);
  void begin_tunnel();
  bool write_to_client(char* head, std::size_t head_size, char* body, std::size_t body_size);
  void answer(int status, char cause, char phase);
  void answer_bytes(int status, std::string_view bytes, bool keep_alive);
  void answer_statistics(const Stats& stats);
  void response_complete();

  // Ends.
  void on_timeout();
  void fail_response(int status, char cause, char phase);
  void client_aborted(char cause);
  void release_partial();
  void finish();
  void conclude();
  void cut();

  void await_next();
  char phase_letter() const;
  StreamSocket* server_socket();
  stats::FrontendCounters& frontend_counters();

  Worker& worker_;
  Dispatch dispatch_;
  Timer timer_;  // the server's answer

  ClientSession* client_ = nullptr;
  Phase phase_ = Phase::Free;
  ConnectionMode mode_ = ConnectionMode::KeepAlive;
  bool repeated_ = false;        // was sent again after a reused connection failed
  bool beyond_buffer_ = false;   // body bytes that are no longer there were sent
  bool client_ended_ = false;
  bool may_splice_ = true;       // until the kernel refuses a pipe
  bool keep_client_ = false;
  bool counted_in_backend_ = false;

  http::RequestHead request_;
  http::BodyDecoder request_body_;
  bool request_complete_ = false;
  std::size_t early_payload_ = 0;  // content that came with the head, unframed, behind it

  http::ResponseHead response_;
  exchange::ResponsePlan plan_;
  http::BodyDecoder response_body_;
  BufferPool::HeadBuffer partial_;  // a response head that came in pieces
  std::size_t partial_size_ = 0;
  unsigned interim_responses_ = 0;

  exchange::AccessRecord record_;
};

}  // namespace hapair::proxy
