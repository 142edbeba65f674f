// What an HTTP message's head says, as views into the bytes it was read from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hapair::http {

/// Field names the proxy acts upon; every other one is Other.
enum class FieldId : std::uint8_t {
  Other,
  Authorization,
  Connection,
  ContentLength,
  Expect,
  Host,
  KeepAlive,
  ProxyAuthenticate,
  ProxyAuthorization,
  ProxyConnection,
  Te,
  Trailer,
  TransferEncoding,
  Upgrade,
  WwwAuthenticate,
};

/// `name` must consist of token characters.
FieldId field_id(std::string_view name);

struct Field {
  std::string_view name;   // as written
  std::string_view value;  // without surrounding white space
  FieldId id = FieldId::Other;
};

/// The fields of one head, in order. Bounded: more than kMaxFields is an error of the message.
class FieldList {
 public:
  static constexpr std::size_t kMaxFields = 100;

  void clear() { count_ = 0; }
  bool add(const Field& field) {
    if (count_ == kMaxFields) return false;
    fields_[count_++] = field;
    return true;
  }
  std::size_t size() const { return count_; }
  const Field* begin() const { return fields_.data(); }
  const Field* end() const { return fields_.data() + count_; }
  /// The first field of that name, or null.
  const Field* find(FieldId id) const {
    for (const Field& field : *this)
      if (field.id == id) return &field;
    return nullptr;
  }

 private:
  std::array<Field, kMaxFields> fields_;
  std::size_t count_ = 0;
};

enum class Method : std::uint8_t { Get, Head, Post, Put, Delete, Options, Trace, Connect, Other };

/// RFC 9110 9.2.2: doing it twice is as good as once.
constexpr bool is_idempotent(Method method) {
  return method != Method::Post && method != Method::Connect && method != Method::Other;
}

/// How the end of a body is told.
enum class Framing : std::uint8_t { None, Length, Chunked, UntilClose };

/// What the Connection field and the version say about the connection's future.
struct Persistence {
  bool keep_alive = false;  // may carry another message after this one
  bool upgrade = false;     // "Connection: upgrade" with an Upgrade field
  bool names_fields = false;  // Connection has more than close, keep-alive and upgrade
};

struct RequestHead {
  std::string_view line;        // the request line, without CRLF
  std::string_view method_text;
  std::string_view target;      // as written
  std::string_view path_query;  // origin form: what follows the authority; "/" at least, or "*"
  Method method = Method::Other;
  bool http_1_1 = true;
  Framing framing = Framing::None;  // None, Length or Chunked
  std::uint64_t content_length = 0;
  Persistence persistence;
  bool claims_connection = false;  // by credentials that are the connection's: NTLM, Negotiate
  std::string_view host;  // the Host field; without one (HTTP/1.0) an absolute target's authority
  FieldList fields;
};

struct ResponseHead {
  std::string_view line;
  int status = 0;
  bool http_1_1 = true;
  Framing framing = Framing::UntilClose;  // of a response to a request that was not HEAD
  std::uint64_t content_length = 0;
  bool has_length = false;  // Content-Length was given (of interest to HEAD)
  Persistence persistence;
  bool claims_connection = false;  // asks for such credentials
  FieldList fields;
};

/// RFC 9112 6.3: responses that have no body whatever their fields say.
constexpr bool has_no_body(int status, Method method) {
  return method == Method::Head || status / 100 == 1 || status == 204 || status == 304;
}

}  // namespace hapair::http
