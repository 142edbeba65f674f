#include "proxy/http/h1_error.h"

namespace hapair::http {

std::string_view to_string(H1Error error) {
  switch (error) {
    case H1Error::None: return "no error";
    case H1Error::BadRequestLine: return "malformed request line";
    case H1Error::BadMethod: return "malformed method";
    case H1Error::Connect: return "CONNECT: no tunnels are opened here";
    case H1Error::BadTarget: return "malformed request target";
    case H1Error::BadVersion: return "not HTTP/1.0 or HTTP/1.1";
    case H1Error::BadStatusLine: return "malformed status line";
    case H1Error::BareLineFeed: return "line feed without carriage return";
    case H1Error::BareCarriageReturn: return "carriage return without line feed";
    case H1Error::BadFieldName: return "malformed field name";
    case H1Error::SpaceBeforeColon: return "white space before a colon";
    case H1Error::FoldedField: return "folded field";
    case H1Error::BadFieldValue: return "control byte in a field value";
    case H1Error::TooManyFields: return "too many fields";
    case H1Error::HeadTooLarge: return "head too large";
    case H1Error::MissingHost: return "no Host field";
    case H1Error::TwoHosts: return "two Host fields";
    case H1Error::BadHost: return "malformed Host field";
    case H1Error::HostMismatch: return "Host and target disagree";
    case H1Error::BadLength: return "malformed Content-Length";
    case H1Error::TwoLengths: return "repeated Content-Length";
    case H1Error::LengthAndEncoding: return "Content-Length beside Transfer-Encoding";
    case H1Error::BadEncoding: return "Transfer-Encoding other than chunked";
    case H1Error::BadChunkSize: return "malformed chunk size";
    case H1Error::BadChunkEnd: return "chunk longer than its size";
    case H1Error::BadTrailer: return "malformed trailer";
  }
  return "unknown error";
}

}  // namespace hapair::http
