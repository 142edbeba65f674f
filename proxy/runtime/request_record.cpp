#include "proxy/runtime/request_record.h"

#include "proxy/runtime/client_session.h"
#include "proxy/runtime/dispatch.h"

namespace hapair::proxy {
namespace {

std::uint64_t milliseconds_between(TimePoint from, TimePoint to) {
  if (from == kNever || to == kNever || to < from) return 0;
  return static_cast<std::uint64_t>(to_milliseconds(to - from));
}

}  // namespace

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
    ++counters.requests;
    counters.bytes_out.add(bytes_out);
    counters.responses.count(status);
    if (connected == kNever) return;
    counters.queue_time.add(milliseconds_between(received, dequeued));
    counters.connect_time.add(milliseconds_between(dequeued, connected));
    counters.response_time.add(milliseconds_between(connected, answered));
    counters.total_time.add(milliseconds_between(received, end));
  });
  if (const ServerState* chosen = dispatch.server()) server_connections = chosen->live->sessions();
  if (const BackendState* state = dispatch.backend())
    backend_connections = state->sessions.current();
}

}  // namespace hapair::proxy
