#include "proxy/runtime/request_record.h"

#include "proxy/runtime/client_session.h"
#include "proxy/runtime/dispatch.h"

namespace hapair::proxy {

void RequestRecord::begin(const ClientSession& session, const http::RequestHead& request,
                          TimePoint first_byte, TimePoint now) {
  static_cast<AccessRecord&>(*this) = {};
  client = session.peer();
  const Frontend& config = session.frontend().config;
  frontend = backend = config.name;
  start = first_byte;
  received = now;
  request_line = request.line;
  idle_since = session.idle_since();
  if (!config.capture_request_headers.empty()) {
    request_captures_.take(config.capture_request_headers, request.fields);
    request_captures = &request_captures_;
  }
  if (config.capture_cookie) {
    request_cookie_.take_request(*config.capture_cookie, request.fields);
    request_cookie = request_cookie_.text();
  }
}

void RequestRecord::take(const Frontend& config, const http::ResponseHead& response) {
  if (!config.capture_response_headers.empty()) {
    response_captures_.take(config.capture_response_headers, response.fields);
    response_captures = &response_captures_;
  }
  if (config.capture_cookie) {
    response_cookie_.take_response(*config.capture_cookie, response.fields);
    response_cookie = response_cookie_.text();
  }
}

void RequestRecord::take_connection(const FrontendState& shown, const Dispatch& dispatch) {
  if (shown.logs_source) source = dispatch.source(source_);
}

void RequestRecord::end_exchange(stats::FrontendCounters& front, Dispatch& dispatch,
                                 TimePoint now) {
  end = now;
  front.bytes_out.add(bytes_out);
  front.responses.count(status);
  dispatch.count([&](stats::ServerCounters& counters) {
    counters.bytes_out.add(bytes_out);
    Dispatch::add_times(counters, *this);
  });
  // Our own answers, and -1 for none, are the backend's alone.
  const auto count_response = [this](stats::ServerCounters& counters) {
    ++counters.requests;
    counters.responses.count(status);
  };
  dispatch.count_at_backend(count_response);
  if (answered != kNever) dispatch.count_at_server(count_response);
  if (const ServerState* chosen = dispatch.server()) server_connections = chosen->live->sessions();
  if (const BackendState* state = dispatch.backend())
    backend_connections = state->sessions.current();
}

}  // namespace hapair::proxy
