#include "proxy/exchange/response_plan.h"

namespace hapair::exchange {

using http::ConnectionField;
using http::Framing;
using proxy::ConnectionMode;

RequestPlan plan_request(const http::RequestHead& request, ConnectionMode mode) {
  if (request.persistence.upgrade) return {ConnectionField::Upgrade};
  if (mode != ConnectionMode::KeepAlive) return {ConnectionField::Close};
  // HTTP/1.1 stays by default; an HTTP/1.0 request goes on as such and its server closes.
  return {ConnectionField::None};
}

ResponsePlan plan_response(const http::RequestHead& request, const http::ResponseHead& response,
                           ConnectionMode mode, bool request_complete, bool client_ended) {
  ResponsePlan plan;
  // RFC 9110 7.8: it says what to, and comes when the request is complete. Else the two sides would
  // disagree on where the request ends and the other protocol begins.
  if (response.status == 101 && request.persistence.upgrade && response.persistence.upgrade &&
      request_complete) {
    plan.tunnel = true;
    plan.body = Framing::UntilClose;
    plan.edits.connection = ConnectionField::Upgrade;
    return plan;
  }
  if (response.status / 100 == 1) {
    plan.interim = response.status != 101;
    plan.withheld = !request.http_1_1;  // RFC 9110 15.2: not for clients of HTTP/1.0
    plan.unsolicited = response.status == 101;
    return plan;
  }

  plan.body = http::has_no_body(response.status, request.method) ? Framing::None : response.framing;
  // A client of HTTP/1.0 knows no chunks: it gets the content, ended by the close.
  plan.reencode_chunks = plan.body == Framing::Chunked && request.http_1_1;
  plan.edits.chunked = plan.reencode_chunks ||
                       (plan.body == Framing::None && response.framing == Framing::Chunked &&
                        request.http_1_1 && response.status != 204);
  const bool length_known = plan.body == Framing::None || plan.body == Framing::Length ||
                            plan.reencode_chunks;
  plan.ends_by_close = !length_known;
  plan.keep_client = request.persistence.keep_alive && mode != ConnectionMode::Close &&
                     length_known && request_complete && !client_ended;
  plan.keep_server = response.persistence.keep_alive && mode == ConnectionMode::KeepAlive &&
                     plan.body != Framing::UntilClose && request_complete;
  // RFC 9110 15.5.22: such an answer is none without the protocols it demands.
  plan.edits.offers_upgrade =
      response.status == 426 && response.fields.find(http::FieldId::Upgrade) != nullptr;
  if (!plan.keep_client) {
    plan.edits.connection = ConnectionField::Close;
  } else if (!request.http_1_1 || !response.http_1_1) {
    plan.edits.connection = ConnectionField::KeepAlive;
  }
  return plan;
}

}  // namespace hapair::exchange
