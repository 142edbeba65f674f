#include "proxy/http/message.h"

#include "common/text.h"

namespace hapair::http {

FieldId field_id(std::string_view name) {
  const auto is = [&](std::string_view known, FieldId id) {
    return iequals(name, known) ? id : FieldId::Other;
  };
  // By length first: most names are settled without a comparison.
  switch (name.size()) {
    case 2: return is("te", FieldId::Te);
    case 4: return is("host", FieldId::Host);
    case 6: return is("expect", FieldId::Expect);
    case 7:
      return ascii_lower(name[0]) == 'u' ? is("upgrade", FieldId::Upgrade)
                                         : is("trailer", FieldId::Trailer);
    case 10:
      return ascii_lower(name[0]) == 'c' ? is("connection", FieldId::Connection)
                                         : is("keep-alive", FieldId::KeepAlive);
    case 13: return is("authorization", FieldId::Authorization);
    case 14: return is("content-length", FieldId::ContentLength);
    case 16: return is("proxy-connection", FieldId::ProxyConnection);
    case 17: return is("transfer-encoding", FieldId::TransferEncoding);
    default: return FieldId::Other;
  }
}

}  // namespace hapair::http
