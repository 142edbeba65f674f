// Carries one request to a server, and ends with its response or an answer of ours.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/loop/loop.h"
#include "proxy/exchange/persistence.h"
#include "proxy/exchange/silence.h"
#include "proxy/http/message.h"
#include "proxy/runtime/dispatch.h"
#include "proxy/runtime/request_content.h"
#include "proxy/runtime/request_record.h"
#include "proxy/runtime/response_relay.h"
#include "proxy/runtime/snapshot.h"

namespace hapair::proxy {

class ClientSession;
enum class EndCause : char;
struct SessionView;
class Worker;

/// Pooled by its worker: one object serves many requests, one after another. Backpressure is one
/// rule: neither side is read while the other has not taken what it was given.
///
/// Owns the request's head, where it goes, and the end of the exchange. What moves bytes reports to
/// it what happened: RequestContent one way, ResponseRelay the other.
class RequestRelay final : public DispatchUser, private ResponsePlanner {
 public:
  explicit RequestRelay(Worker& worker);

  /// `head` of the next begin() is parsed into this.
  http::RequestHead& head() { return request_; }

  /// Takes the request whose head stands in the session's buffer. May be done before it returns.
  void begin(ClientSession& client, TimePoint first_byte);

  /// Waits for a server's slot.
  bool is_queued() const { return phase_ == Phase::Dispatching && dispatch_.is_queued(); }

  // From the session.

  /// The server's direction of a tunnel is over, and the client was told: what it still sends before
  /// its own end is to be passed on.
  bool awaits_client_end() const { return server_ended_; }
  void on_reload() { dispatch_.on_reload(); }
  /// If the answer has not begun, it will announce the end of the connection.
  void on_drain() { mode_ = ConnectionMode::Close; }
  void on_client_readable();
  void on_client_drained();
  /// The client has taken a part of what waits for it.
  void on_client_progress();
  void on_client_timeout();
  /// The connection to the client is broken; the session is closed by this.
  void on_client_gone();

  // For operators.
  void describe(SessionView& view) const;
  const balance::Server* server() const;
  /// Ends the exchange; if its client can still be told something, by a 502, else the session is
  /// closed by this.
  void end_because(EndCause cause);

  // DispatchUser.
  void on_dispatched() override;
  void on_dispatch_failed(exchange::Termination why) override;
  wire::Endpoints endpoints() override;
  std::uint64_t client() const override;
  void on_server_connected() override {}  // Dispatch hears that
  void on_server_connect_failed(int) override {}
  void on_server_readable() override { pump_response(); }
  void on_server_drained() override;
  void on_server_progress() override;
  void on_server_broken() override;

 private:
  enum class Phase : std::uint8_t {
    Free,
    Gathering,    // content that the backend's algorithm wants to see first
    Dispatching,  // to a server
    AtServer,     // the request is on its way there, the response on its way back
    Flushing,     // all that is left is the client taking what it was given
  };

  // The request's way, in this order. Each station may end it with an answer of ours.
  void proceed();
  /// True if one of the frontend's rules answered; else `backend` is where the request goes.
  bool answers_by_rule(int& backend);
  /// True if this was a request for the statistics; it is answered then.
  bool answers_statistics(const std::optional<Stats>& stats);
  void enter(BackendState& backend);
  void gather();
  void gather_content();
  void find_server();
  std::span<const int> private_home();

  // Towards the server.
  std::size_t encode_request(char* out);
  void pump_request();
  void claim_connection();
  void count_to_server(std::uint64_t bytes);
  void on_content_malformed();
  void on_client_half_closed();
  bool can_repeat() const;
  /// The rules and the budget allow another attempt after this. True once means: make it.
  template <typename Failure>
  bool may_try_again(Failure failure);
  void try_again();
  void forget_response();

  // Towards the client.
  exchange::ResponsePlan plan(const http::ResponseHead& response) override;
  void remind_visitor(const http::ResponseHead& response, exchange::ResponsePlan& plan);
  void pump_response();
  void begin_tunnel();
  void on_server_half_closed();
  void on_response_ended();
  void on_response_malformed();
  void on_response_complete();

  // Our own answers: every one of them leaves through answer_bytes().
  bool may_keep_client() const;
  void answer(int status, exchange::Termination why);
  const exchange::Page* error_page(int status);
  void answer_bytes(int status, std::string_view bytes, bool keep_alive);

  /// Both sides speak a protocol of their own.
  bool in_tunnel() const { return phase_ == Phase::AtServer && response_.is_tunnel(); }
  exchange::Silence tunnel_silence() const;
  bool awaits_continue() const;

  // Ends.
  void on_timeout();
  void client_aborted(char cause);
  void finish();
  void conclude();
  void log_cookie_letters();
  void cut(bool reset = false);

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
  bool continued_ = false;       // the client was told 100 Continue
  bool repeated_ = false;        // was sent again after a reused connection failed
  bool client_ended_ = false;
  bool server_ended_ = false;  // its direction of a tunnel
  bool keep_client_ = false;
  bool unlogged_ = false;        // a monitor's question

  http::RequestHead request_;
  // Null: the backend has no cookie.
  const exchange::Persistence* persistence_ = nullptr;
  std::unique_ptr<exchange::Stay> stay_;  // made when first needed, then kept
  int private_home_ = balance::kNoServer;  // where the client has a connection of its own

  RequestRecord record_;
  RequestContent content_;
  ResponseRelay response_;
};

}  // namespace hapair::proxy
