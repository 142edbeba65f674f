#include "proxy/http/message.h"

#include <cstdint>
#include <cstring>

namespace hapair::http {

namespace {

std::uint64_t load(const char* bytes, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, size);
  return word;
}

/// Equal but for case to a lower-case name of the same size, eight bytes at a time. Setting bit 5
/// maps two token characters to the same only if they are one letter in both cases, but for '^'
/// and '~', which no name here has.
bool is_name(std::string_view name, std::string_view known) {
  constexpr std::uint64_t kLower = 0x2020202020202020;
  std::size_t at = 0;
  for (; at + 8 <= known.size(); at += 8)
    if ((load(name.data() + at, 8) | kLower) != load(known.data() + at, 8)) return false;
  const std::size_t rest = known.size() - at;
  const std::uint64_t mask = rest == 0 ? 0 : kLower >> (64 - 8 * rest);
  return (load(name.data() + at, rest) | mask) == load(known.data() + at, rest);
}

}  // namespace

FieldId field_id(std::string_view name) {
  const auto is = [&](std::string_view known, FieldId id) {
    return is_name(name, known) ? id : FieldId::Other;
  };
  // By length first: most names are settled without a comparison.
  switch (name.size()) {
    case 2: return is("te", FieldId::Te);
    case 4: return is("host", FieldId::Host);
    case 6: return is("expect", FieldId::Expect);
    case 7:
      return (name[0] | 0x20) == 'u' ? is("upgrade", FieldId::Upgrade)
                                     : is("trailer", FieldId::Trailer);
    case 10:
      return (name[0] | 0x20) == 'c' ? is("connection", FieldId::Connection)
                                     : is("keep-alive", FieldId::KeepAlive);
    case 13: return is("authorization", FieldId::Authorization);
    case 14: return is("content-length", FieldId::ContentLength);
    case 16:
      return (name[0] | 0x20) == 'p' ? is("proxy-connection", FieldId::ProxyConnection)
                                     : is("www-authenticate", FieldId::WwwAuthenticate);
    case 17: return is("transfer-encoding", FieldId::TransferEncoding);
    case 18: return is("proxy-authenticate", FieldId::ProxyAuthenticate);
    case 19: return is("proxy-authorization", FieldId::ProxyAuthorization);
    default: return FieldId::Other;
  }
}

}  // namespace hapair::http
