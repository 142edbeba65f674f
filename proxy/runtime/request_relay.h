// Carries one request to a server and its response back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/loop/loop.h"
#include "proxy/exchange/access_record.h"
#include "proxy/exchange/response_plan.h"
#include "proxy/exchange/retry.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/runtime/server_connection.h"
#include "proxy/runtime/snapshot.h"

namespace hapair::proxy {

class ClientSession;
class Worker;

/// Pooled by its worker: one object serves many requests, one after another. Backpressure is one
/// rule: neither side is read while the other has not taken what it was given.
class RequestRelay final : public ServerUser {
 public:
  RequestRelay(Worker& worker, std::uint32_t index);

  /// `head` of the next begin() is parsed into this.
  http::RequestHead& head() { return request_; }

  /// Takes the request whose head stands in the session's buffer. May be done before it returns.
  void begin(ClientSession& client, TimePoint first_byte);

  /// Unique among this worker's requests, past ones included.
  std::uint64_t id() const { return std::uint64_t{generation_} << 32 | index_; }
  /// A slot that this request was queued for. False if it does not wait for one any more.
  bool on_granted(int server);

  // From the session.
  void on_client_readable();
  void on_client_drained();
  void on_client_timeout();
  /// The connection to the client is broken; the session is closed by this.
  void on_client_gone();

  // ServerUser.
  void on_server_connected() override;
  void on_server_connect_failed(int error_number) override;
  void on_server_readable() override { pump_response(); }
  void on_server_drained() override;
  void on_server_broken() override;

 private:
  enum class Phase : std::uint8_t {
    Free,
    Queued,
    Connecting,
    Pausing,   // before another attempt at the same server
    Waiting,   // the request is on its way, no response head yet
    Body,      // response head sent on
    Tunnel,
    Flushing,  // all that is left is the client taking what it was given
  };

  // Towards the server.
  void route();
  void ask_for_server(int avoid);
  void connect_to(int server);
  void reach_server();
  void send_request();
  void pump_request();
  bool send_body(char* data, std::size_t size);
  void retry_connect();
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
  void release_server(bool reusable);
  void release_slot();
  void finish();
  void conclude();
  void cut();

  void await_next();
  char phase_letter() const;
  ServerState& server() { return *backend_->servers[static_cast<std::size_t>(server_)]; }
  stats::ServerCounters* server_counters();
  stats::BackendCounters* backend_counters();

  Worker& worker_;
  const std::uint32_t index_;
  std::uint32_t generation_ = 0;
  Timer timer_;  // the server's side: queue, connect, pause, response

  ClientSession* client_ = nullptr;
  BackendState* backend_ = nullptr;
  int server_ = balance::kNoServer;
  ServerConnection* connection_ = nullptr;
  balance::Admission::Ticket ticket_ = 0;
  Phase phase_ = Phase::Free;
  ConnectionMode mode_ = ConnectionMode::KeepAlive;
  bool holds_slot_ = false;
  bool reused_ = false;          // the connection served another request before
  bool repeated_ = false;        // was sent again after a reused connection failed
  bool request_sent_ = false;    // the head, to this connection
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

  exchange::Retry retry_;
  exchange::AccessRecord record_;
};

}  // namespace hapair::proxy
