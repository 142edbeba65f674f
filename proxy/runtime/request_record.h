// What is noted of a request while it is carried.
#pragma once

#include "common/address.h"
#include "common/clock.h"
#include "proxy/config/config.h"
#include "proxy/exchange/access_record.h"
#include "proxy/exchange/captured_cookie.h"
#include "proxy/exchange/captured_fields.h"
#include "proxy/http/message.h"
#include "proxy/runtime/snapshot.h"

namespace hapair::proxy {

class ClientSession;
class Dispatch;

/// The access record, and what its views point to. Belongs to one relay and is used for one request
/// after another; allocates nothing once its captures have had their size.
class RequestRecord : public exchange::AccessRecord {
 public:
  /// The head of a request has been read whole, now.
  void begin(const ClientSession& client, const http::RequestHead& request, TimePoint first_byte,
             TimePoint now);
  /// Captures what the frontend's lines show of a response.
  void take(const Frontend& frontend, const http::ResponseHead& response);
  /// The client does not get that response.
  void forget_response() {
    response_captures = nullptr;
    response_cookie = {};
  }
  /// The request is about to go to the server.
  void take_connection(const FrontendState& frontend, const Dispatch& dispatch);
  /// The exchange is over: completes what the line says and counts it for frontend, backend and
  /// server. The slot has been given back, and who was chosen is not forgotten yet.
  void end_exchange(stats::FrontendCounters& frontend, Dispatch& dispatch, TimePoint now);

 private:
  SocketAddress source_;
  exchange::CapturedFields request_captures_;
  exchange::CapturedFields response_captures_;
  exchange::CapturedCookie request_cookie_;
  exchange::CapturedCookie response_cookie_;
};

}  // namespace hapair::proxy
