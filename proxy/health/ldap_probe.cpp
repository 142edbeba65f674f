#include "proxy/health/ldap_probe.h"

#include <cstdint>
#include <optional>
#include <system_error>

namespace hapair::health {
namespace {

using namespace std::string_view_literals;

constexpr auto kBindRequest = "\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"sv;
constexpr auto kUnbindRequest = "\x30\x05\x02\x01\x02\x42\x00"sv;
constexpr std::uint8_t kSequence = 0x30, kInteger = 0x02, kBindResponse = 0x61, kEnumerated = 0x0a;

struct Element {
  std::uint8_t tag = 0;
  std::size_t header = 0;  // bytes of tag and length
  std::size_t length = 0;
};

enum class Read : std::uint8_t { Whole, Short, Wrong };

/// The element that `bytes` begin with. Short: some of it is still to come.
Read read(std::string_view bytes, Element& out) {
  if (bytes.size() < 2) return Read::Short;
  const auto byte = [bytes](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
  out = {.tag = byte(0), .header = 2, .length = byte(1)};
  if (out.length >= 0x80) {  // so many bytes of length follow
    const std::size_t count = out.length & 0x7f;
    if (count == 0 || count > 4) return Read::Wrong;
    if (bytes.size() < 2 + count) return Read::Short;
    out.length = 0;
    for (std::size_t i = 0; i < count; ++i) out.length = out.length << 8 | byte(2 + i);
    out.header += count;
  }
  if (out.length > 64 * 1024) return Read::Wrong;
  return bytes.size() < out.header + out.length ? Read::Short : Read::Whole;
}

/// The content of the first element of `bytes`, which must have that tag; `bytes` goes behind it.
std::optional<std::string_view> take(std::string_view& bytes, std::uint8_t tag) {
  Element element;
  if (read(bytes, element) != Read::Whole || element.tag != tag) return std::nullopt;
  const auto content = bytes.substr(element.header, element.length);
  bytes.remove_prefix(element.header + element.length);
  return content;
}

Conversation::Turn not_ldap() {
  return {.send = {},
          .verdict = ProbeResult{.status = ProbeStatus::L7Invalid, .info = "Not LDAPv3 protocol"}};
}

}  // namespace

Conversation::Turn LdapProbe::begin() {
  received_.clear();
  return {.send = kBindRequest, .verdict = {}};
}

Conversation::Turn LdapProbe::on_bytes(std::string_view bytes) {
  received_.append(bytes);
  std::string_view rest = received_;
  if (!rest.empty() && static_cast<std::uint8_t>(rest.front()) != kSequence) return not_ldap();
  Element message;
  switch (read(rest, message)) {
    case Read::Short: return {};
    case Read::Wrong: return not_ldap();
    case Read::Whole: break;
  }
  auto content = take(rest, kSequence);
  if (!content || !take(*content, kInteger)) return not_ldap();
  auto response = take(*content, kBindResponse);
  if (!response) return not_ldap();
  const auto result = take(*response, kEnumerated);
  if (!result || result->size() != 1) return not_ldap();
  const int code = static_cast<std::uint8_t>(result->front());
  if (code == 0)
    return {.send = kUnbindRequest,
            .verdict = ProbeResult{.status = ProbeStatus::L7Ok, .code = 0, .info = "LDAP server is ok"}};
  return {.send = kUnbindRequest,
          .verdict = ProbeResult{.status = ProbeStatus::L7Status,
                                 .code = code,
                                 .info = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"}};
}

ProbeResult LdapProbe::on_end(int error_number) {
  return {.status = ProbeStatus::L7Invalid,
          .info = error_number != 0 ? std::generic_category().message(error_number) : std::string()};
}

}  // namespace hapair::health
