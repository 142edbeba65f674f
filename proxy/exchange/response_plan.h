// Decides how a response goes on to the client, and what its end means for both connections.
#pragma once

#include "proxy/config/config.h"
#include "proxy/http/h1_encoder.h"
#include "proxy/http/message.h"

namespace hapair::exchange {

/// The stronger of two connection modes (HAProxy: close > server-close > keep-alive).
inline proxy::ConnectionMode stronger(proxy::ConnectionMode a, proxy::ConnectionMode b) {
  return a > b ? a : b;
}

struct RequestPlan {
  http::ConnectionField connection = http::ConnectionField::None;  // what the server is told
};
RequestPlan plan_request(const http::RequestHead& request, proxy::ConnectionMode mode);

struct ResponsePlan {
  http::ResponseEdits edits;
  http::Framing body = http::Framing::None;  // how the server ends the body
  bool reencode_chunks = false;              // the client gets it chunked
  bool ends_by_close = false;                // nothing but the close tells the client of its end
  bool keep_client = false;                  // the client's connection may carry another request
  bool keep_server = false;                  // the server's too, once the body is complete
  bool tunnel = false;                       // 101: both sides speak another protocol from here
  bool interim = false;                      // 1xx: another response head follows
  bool withheld = false;                     // interim, and the client could not read it
  bool rejected = false;                     // the request is sent again, and this forgotten
  bool unsolicited = false;                  // a 101 that is none for this request: an error
};
/// `request_complete`: the whole request has been read; if not, neither connection can go on.
/// `client_ended`: the client has sent its last byte.
ResponsePlan plan_response(const http::RequestHead& request, const http::ResponseHead& response,
                           proxy::ConnectionMode mode, bool request_complete, bool client_ended);

}  // namespace hapair::exchange
