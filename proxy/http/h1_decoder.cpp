#include "proxy/http/h1_decoder.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "common/text.h"

namespace hapair::http {
namespace {

// Character classes of RFC 9110 5.6.2 and 5.5, RFC 3986.
enum : std::uint8_t { kToken = 1, kValue = 2, kTarget = 4, kRegName = 8 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    auto& bits = table[static_cast<std::size_t>(c)];
    if (c == '\t' || (c >= ' ' && c != 0x7f)) bits |= kValue;
    if (c > ' ' && c < 0x7f && c != '#') bits |= kTarget;
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alnum) bits |= kToken | kRegName;
    for (const char t : std::string_view("!#$%&'*+-.^_`|~"))
      if (c == t) bits |= kToken;
    for (const char t : std::string_view("-._~!$&'()*+,;=%"))
      if (c == t) bits |= kRegName;
  }
  return table;
}
constexpr auto kClasses = make_classes();

std::uint8_t class_of(char c) { return kClasses[static_cast<unsigned char>(c)]; }

bool is(char c, std::uint8_t bits) { return class_of(c) & bits; }

bool all(std::string_view text, std::uint8_t bits) {
  for (const char c : text)
    if (!is(c, bits)) return false;
  return true;
}

/// RFC 3986 3.2.2, 3.2.3: a name, an IPv4 address, or an IPv6 address in brackets; with a port or
/// without. Nobody serves other literals.
bool is_host(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return false;
    const std::string_view literal = text.substr(1, end - 1);
    char terminated[INET6_ADDRSTRLEN] = {};
    if (literal.size() >= sizeof terminated) return false;
    literal.copy(terminated, literal.size());
    if (in6_addr address; ::inet_pton(AF_INET6, terminated, &address) != 1) return false;
    text.remove_prefix(end + 1);
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    if (!all(text.substr(0, colon), kRegName)) return false;
    text.remove_prefix(colon);
  }
  if (text.empty()) return true;
  return text[0] == ':' && text.find_first_not_of("0123456789", 1) == text.npos;
}

/// Calls `use` for every element of a comma-separated list.
template <typename Use>
void for_each_token(std::string_view list, Use use) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (const auto token = trim(list.substr(0, comma)); !token.empty()) use(token);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

struct Framed {
  bool length = false;
  bool chunked = false;
  std::uint64_t content_length = 0;
};

H1Error read_length(std::string_view value, Framed& framed) {
  if (framed.length) return H1Error::TwoLengths;
  const auto number = parse_number<std::uint64_t>(value);
  if (!number || value.empty() || value[0] < '0' || value[0] > '9') return H1Error::BadLength;
  framed.length = true;
  framed.content_length = *number;
  return H1Error::None;
}

H1Error read_encoding(std::string_view value, Framed& framed) {
  if (framed.chunked || !iequals(value, "chunked")) return H1Error::BadEncoding;
  framed.chunked = true;
  return H1Error::None;
}

/// Walks over the bytes of a head. Ends with an error, or because the bytes did.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  bool at_end() const { return at_ == end_; }
  char peek() const { return *at_; }
  const char* position() const { return at_; }
  std::size_t consumed() const { return static_cast<std::size_t>(at_ - begin_); }
  void skip() { ++at_; }

  std::string_view take_while(std::uint8_t bits) {
    const char* from = at_;
    while (end_ - at_ >= 4 && (class_of(at_[0]) & class_of(at_[1]) & class_of(at_[2]) &
                               class_of(at_[3]) & bits))
      at_ += 4;
    while (at_ != end_ && is(*at_, bits)) ++at_;
    return {from, static_cast<std::size_t>(at_ - from)};
  }

  /// What may stand in a field's value or a status line; most of it eight bytes at a time.
  std::string_view take_value() {
    const char* from = at_;
    while (end_ - at_ >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at_, 8);
      // A byte below 0x20 borrows its top bit; one above 0x7e has it or gets it by adding 1.
      constexpr std::uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
      if (((word - 0x20 * kOnes) | word | (word + kOnes)) & kTops) break;
      at_ += 8;
    }
    take_while(kValue);
    return {from, static_cast<std::size_t>(at_ - from)};
  }

  /// CRLF. Sets failed() or runs out if something else stands here.
  bool take_line_end(H1Error otherwise) {
    if (at_end()) return false;
    if (*at_ == '\n') return fail(H1Error::BareLineFeed);
    if (*at_ != '\r') return fail(otherwise);
    if (at_ + 1 == end_) return false;
    if (at_[1] != '\n') return fail(H1Error::BareCarriageReturn);
    at_ += 2;
    return true;
  }

  bool fail(H1Error error) {
    error_ = error;
    return false;
  }
  H1Error error() const { return error_; }

 private:
  const char* begin_;
  const char* at_;
  const char* end_;
  H1Error error_ = H1Error::None;
};

/// One "name: value" line with its CRLF.
bool take_field(Cursor& cursor, Field& field) {
  field.name = cursor.take_while(kToken);
  if (cursor.at_end()) return false;
  if (cursor.peek() != ':' || field.name.empty()) {
    const char c = cursor.peek();
    const bool space = c == ' ' || c == '\t';
    return cursor.fail(c == '\n'                       ? H1Error::BareLineFeed
                       : space && field.name.empty() ? H1Error::FoldedField
                       : space                       ? H1Error::SpaceBeforeColon
                                                     : H1Error::BadFieldName);
  }
  cursor.skip();
  field.value = trim(cursor.take_value());
  field.id = field_id(field.name);
  return cursor.take_line_end(H1Error::BadFieldValue);
}

struct ConnectionWords {
  bool close = false, keep_alive = false, upgrade = false, other = false;
};

void read_connection(std::string_view value, ConnectionWords& words) {
  for_each_token(value, [&](std::string_view token) {
    if (iequals(token, "keep-alive")) {
      words.keep_alive = true;
    } else if (iequals(token, "close")) {
      words.close = true;
    } else if (iequals(token, "upgrade")) {
      words.upgrade = true;
    } else {
      words.other = true;
    }
  });
}

/// True for schemes that authenticate the connection and not the request (RFC 4559): NTLM,
/// Negotiate and its kin, told by four letters as in HAProxy. A comma in somebody's realm makes an
/// element more, which at worst claims a connection in vain.
bool claims_connection(std::string_view value) {
  bool claims = false;
  for_each_token(value, [&](std::string_view element) {
    const std::string_view scheme = element.substr(0, 4);
    claims = claims || iequals(scheme, "ntlm") || iequals(scheme, "nego");
  });
  return claims;
}

Persistence decide(const ConnectionWords& words, bool http_1_1, bool has_upgrade) {
  return {.keep_alive = !words.close && (http_1_1 || words.keep_alive),
          .upgrade = words.upgrade && has_upgrade && http_1_1,
          .names_fields = words.other};
}

/// The fields after the first line, and the blank line. `on_field` may refuse one.
template <typename OnField>
bool take_fields(Cursor& cursor, FieldList& fields, OnField on_field) {
  fields.clear();
  while (!cursor.at_end()) {
    if (cursor.peek() == '\r') return cursor.take_line_end(H1Error::BareCarriageReturn);
    Field field;
    if (!take_field(cursor, field)) return false;
    if (!fields.add(field)) return cursor.fail(H1Error::TooManyFields);
    if (const H1Error error = on_field(field); error != H1Error::None) return cursor.fail(error);
  }
  return false;
}

/// What a cursor that could not go on means.
HeadResult stopped(const Cursor& cursor) {
  if (cursor.error() == H1Error::None) return {};
  return {HeadStatus::Failed, cursor.error(), cursor.consumed()};
}

HeadResult failed(const Cursor& cursor, H1Error error) {
  return {HeadStatus::Failed, error, cursor.consumed()};
}

HeadResult complete(const Cursor& cursor) {
  return {HeadStatus::Complete, H1Error::None, cursor.consumed()};
}

/// Another HTTP, or TLS, on the same connection: what went through it would be requests that we
/// never see, and so never route or refuse. RFC 9110 7.8 lets us pass over the offer.
bool names_http_itself(std::string_view upgrade) {
  bool found = false;
  for_each_token(upgrade, [&](std::string_view protocol) {
    const std::string_view name = trim(protocol.substr(0, protocol.find('/')));
    found = found || iequals(name, "h2c") || iequals(name, "http") || iequals(name, "tls");
  });
  return found;
}

Method method_of(std::string_view text) {
  switch (text.size()) {
    case 3: return text == "GET" ? Method::Get : text == "PUT" ? Method::Put : Method::Other;
    case 4: return text == "HEAD" ? Method::Head : text == "POST" ? Method::Post : Method::Other;
    case 5: return text == "TRACE" ? Method::Trace : Method::Other;
    case 6: return text == "DELETE" ? Method::Delete : Method::Other;
    case 7:
      return text == "OPTIONS"   ? Method::Options
             : text == "CONNECT" ? Method::Connect
                                 : Method::Other;
    default: return Method::Other;
  }
}

H1Error read_version(std::string_view text, bool& http_1_1) {
  if (text == "HTTP/1.1") {
    http_1_1 = true;
  } else if (text == "HTTP/1.0") {
    http_1_1 = false;
  } else {
    return H1Error::BadVersion;
  }
  return H1Error::None;
}

/// Of an absolute target; empty for any other.
struct Authority {
  std::string_view text;
  std::string_view default_port;  // its scheme's, behind a colon

  /// RFC 9110 4.2.3: the scheme's own port says nothing, nor does an empty one.
  std::string_view without_port(std::string_view host) const {
    if (host.ends_with(default_port)) return host.substr(0, host.size() - default_port.size());
    return host.ends_with(':') ? host.substr(0, host.size() - 1) : host;
  }
  bool is(std::string_view host) const { return iequals(without_port(text), without_port(host)); }
};

/// Fills path_query and, for an absolute target, `authority`.
H1Error read_target(RequestHead& head, Authority& authority) {
  const std::string_view target = head.target;
  if (target.empty() || !all(target, kTarget)) return H1Error::BadTarget;
  if (target[0] == '/') {
    head.path_query = target;
    return H1Error::None;
  }
  if (target == "*") {
    head.path_query = target;
    return head.method == Method::Options ? H1Error::None : H1Error::BadTarget;
  }
  const auto scheme_end = target.find("://");
  if (scheme_end == target.npos) return H1Error::BadTarget;
  const std::string_view scheme = target.substr(0, scheme_end);
  if (!iequals(scheme, "http") && !iequals(scheme, "https")) return H1Error::BadTarget;
  const std::string_view rest = target.substr(scheme_end + 3);
  const auto path = std::min(rest.find_first_of("/?"), rest.size());
  authority = {rest.substr(0, path), scheme.size() == 4 ? ":80" : ":443"};
  if (authority.without_port(authority.text).empty() || !is_host(authority.text))
    return H1Error::BadTarget;
  if (path == rest.size()) {
    // RFC 9112 3.2.4: this is how a server is asked about itself by way of a proxy.
    head.path_query = head.method == Method::Options ? "*" : "/";
    return H1Error::None;
  }
  head.path_query = rest.substr(path);
  return head.path_query[0] == '/' ? H1Error::None : H1Error::BadTarget;
}

H1Error parse_request_line(std::string_view line, RequestHead& head, Authority& authority) {
  head.line = line;
  const auto first = line.find(' ');
  if (first == line.npos) return H1Error::BadRequestLine;
  const auto second = line.find(' ', first + 1);
  if (second == line.npos) return H1Error::BadRequestLine;
  head.method_text = line.substr(0, first);
  head.target = line.substr(first + 1, second - first - 1);
  if (head.method_text.empty() || !all(head.method_text, kToken)) return H1Error::BadMethod;
  head.method = method_of(head.method_text);
  // A reverse proxy opens no tunnels on request. One that passed it on would have to know the
  // connection to the server for a tunnel once that agrees (RFC 9110 9.3.6), whatever the target.
  if (head.method == Method::Connect) return H1Error::Connect;
  if (const auto error = read_version(line.substr(second + 1), head.http_1_1);
      error != H1Error::None)
    return error;
  return read_target(head, authority);
}

H1Error parse_status_line(std::string_view line, ResponseHead& head) {
  head.line = line;
  if (line.size() < 12 || read_version(line.substr(0, 8), head.http_1_1) != H1Error::None ||
      line[8] != ' ' || (line.size() > 12 && line[12] != ' '))
    return H1Error::BadStatusLine;
  const auto status = parse_number<int>(line.substr(9, 3));
  if (!status || *status < 100 || *status > 999)
    return H1Error::BadStatusLine;
  head.status = *status;
  return H1Error::None;
}

}  // namespace

bool HeadScanner::may_be_complete(std::string_view bytes) {
  while (scanned_ < bytes.size()) {
    const auto found = bytes.find('\n', scanned_);
    if (found == bytes.npos) break;
    scanned_ = found + 1;
    // A blank line, or a line feed without its carriage return: both end the wait.
    if (found == 0 || bytes[found - 1] != '\r') return true;
    if (found >= 3 && bytes[found - 2] == '\n') return true;
  }
  scanned_ = bytes.size();
  return false;
}

HeadResult parse_request_head(std::string_view bytes, RequestHead& head) {
  Cursor cursor(bytes);
  if (bytes.starts_with('\r') && !cursor.take_line_end(H1Error::BadRequestLine))
    return stopped(cursor);
  const std::string_view line = cursor.take_value();
  if (!cursor.take_line_end(H1Error::BadRequestLine)) return stopped(cursor);
  Authority authority;
  if (const auto error = parse_request_line(line, head, authority); error != H1Error::None)
    return failed(cursor, error);

  Framed framed;
  ConnectionWords words;
  bool has_host = false, has_upgrade = false, changes_http = false;
  head.host = {};
  head.claims_connection = false;
  const auto on_field = [&](const Field& field) {
    switch (field.id) {
      case FieldId::Host:
        if (has_host) return H1Error::TwoHosts;
        if (!is_host(field.value)) return H1Error::BadHost;
        has_host = true;
        head.host = field.value;
        return H1Error::None;
      case FieldId::ContentLength: return read_length(field.value, framed);
      case FieldId::TransferEncoding: return read_encoding(field.value, framed);
      case FieldId::Connection: read_connection(field.value, words); return H1Error::None;
      case FieldId::Upgrade:
        has_upgrade = true;
        changes_http = changes_http || names_http_itself(field.value);
        return H1Error::None;
      case FieldId::Authorization:
      case FieldId::ProxyAuthorization:
        head.claims_connection = head.claims_connection || claims_connection(field.value);
        return H1Error::None;
      default: return H1Error::None;
    }
  };
  if (!take_fields(cursor, head.fields, on_field)) return stopped(cursor);

  if (head.http_1_1 && !has_host) return failed(cursor, H1Error::MissingHost);
  if (!authority.text.empty()) {
    if (has_host && !authority.is(head.host)) return failed(cursor, H1Error::HostMismatch);
    if (!has_host) head.host = authority.text;
  }
  if (framed.chunked && framed.length) return failed(cursor, H1Error::LengthAndEncoding);
  // RFC 9112 6.1: an HTTP/1.0 message with Transfer-Encoding has faulty framing.
  if (framed.chunked && !head.http_1_1) return failed(cursor, H1Error::BadEncoding);
  head.framing = framed.chunked                                  ? Framing::Chunked
                 : framed.length && framed.content_length > 0 ? Framing::Length
                                                                 : Framing::None;
  head.content_length = framed.content_length;
  head.persistence = decide(words, head.http_1_1, has_upgrade && !changes_http);
  return complete(cursor);
}

HeadResult parse_response_head(std::string_view bytes, ResponseHead& head) {
  Cursor cursor(bytes);
  const std::string_view line = cursor.take_value();
  if (!cursor.take_line_end(H1Error::BadStatusLine)) return stopped(cursor);
  if (const auto error = parse_status_line(line, head); error != H1Error::None)
    return failed(cursor, error);

  Framed framed;
  ConnectionWords words;
  bool has_upgrade = false;
  head.claims_connection = false;
  const auto on_field = [&](const Field& field) {
    switch (field.id) {
      case FieldId::ContentLength: return read_length(field.value, framed);
      case FieldId::TransferEncoding: return read_encoding(field.value, framed);
      case FieldId::Connection: read_connection(field.value, words); return H1Error::None;
      case FieldId::Upgrade: has_upgrade = true; return H1Error::None;
      case FieldId::WwwAuthenticate:
      case FieldId::ProxyAuthenticate:
        head.claims_connection = head.claims_connection || claims_connection(field.value);
        return H1Error::None;
      default: return H1Error::None;
    }
  };
  if (!take_fields(cursor, head.fields, on_field)) return stopped(cursor);

  if (framed.chunked && framed.length) return failed(cursor, H1Error::LengthAndEncoding);
  if (framed.chunked && !head.http_1_1) return failed(cursor, H1Error::BadEncoding);
  head.framing = framed.chunked   ? Framing::Chunked
                 : !framed.length ? Framing::UntilClose
                 : framed.content_length > 0 ? Framing::Length
                                             : Framing::None;
  head.has_length = framed.length;
  head.content_length = framed.content_length;
  head.persistence = decide(words, head.http_1_1, has_upgrade);
  return complete(cursor);
}

namespace {

constexpr std::uint16_t kMaxChunkOverhead = 4096;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

BodyDecoder::BodyDecoder(Framing framing, std::uint64_t length) : remaining_(length) {
  switch (framing) {
    case Framing::None: state_ = State::Done; break;
    case Framing::Length: state_ = length > 0 ? State::Length : State::Done; break;
    case Framing::UntilClose: state_ = State::UntilClose; break;
    case Framing::Chunked:
      state_ = State::ChunkSize;
      remaining_ = 0;
      break;
  }
}

void BodyDecoder::skip(std::uint64_t count) {
  remaining_ -= count;
  if (remaining_ == 0) state_ = State::Done;
}

BodyDecoder::Step BodyDecoder::decode(char* data, std::size_t size) {
  Step step;
  const auto failed = [&](H1Error error) {
    step.error = error;
    return step;
  };
  const auto overhead = [&] { return ++overhead_ > kMaxChunkOverhead; };
  // Content goes to the front of the buffer; until the first chunk header is met it is there already.
  const auto take = [&](std::size_t count) {
    if (step.payload != step.consumed)
      std::memmove(data + step.payload, data + step.consumed, count);
    step.payload += count;
    step.consumed += count;
  };

  while (step.consumed < size) {
    const char c = data[step.consumed];
    switch (state_) {
      case State::Done: return step;
      case State::UntilClose: take(size - step.consumed); break;
      case State::Length:
      case State::ChunkBody: {
        const auto count = static_cast<std::size_t>(
            std::min<std::uint64_t>(remaining_, size - step.consumed));
        take(count);
        remaining_ -= count;
        if (remaining_ == 0) state_ = state_ == State::Length ? State::Done : State::ChunkBodyCr;
        break;
      }
      case State::ChunkSize:
        if (const int digit = hex_digit(c); digit >= 0) {
          if (remaining_ >> 59) return failed(H1Error::BadChunkSize);
          remaining_ = remaining_ << 4 | static_cast<unsigned>(digit);
          // Leading zeros are legal but endless ones are not.
          if (remaining_ == 0 && any_digit_ && overhead()) return failed(H1Error::BadChunkSize);
          any_digit_ = true;
        } else if (!any_digit_) {
          return failed(H1Error::BadChunkSize);
        } else if (c == '\r') {
          state_ = State::ChunkSizeEnd;
        } else if (c == ';') {
          state_ = State::ChunkExtension;
        } else {
          return failed(H1Error::BadChunkSize);
        }
        ++step.consumed;
        break;
      case State::ChunkExtension:
        if (c == '\r') {
          state_ = State::ChunkSizeEnd;
        } else if (!is(c, kValue) || overhead()) {
          return failed(H1Error::BadChunkSize);
        }
        ++step.consumed;
        break;
      case State::ChunkSizeEnd:
        if (c != '\n') return failed(H1Error::BadChunkSize);
        state_ = remaining_ > 0 ? State::ChunkBody : State::TrailerStart;
        any_digit_ = false;
        overhead_ = 0;  // bounded for each chunk, and once more for the trailers
        ++step.consumed;
        break;
      case State::ChunkBodyCr:
        if (c != '\r') return failed(H1Error::BadChunkEnd);
        state_ = State::ChunkBodyLf;
        ++step.consumed;
        break;
      case State::ChunkBodyLf:
        if (c != '\n') return failed(H1Error::BadChunkEnd);
        state_ = State::ChunkSize;
        ++step.consumed;
        break;
      case State::TrailerStart:
        if (c == '\r') {
          state_ = State::LastLf;
        } else if (is(c, kToken) && !overhead()) {
          state_ = State::TrailerName;
        } else {
          return failed(H1Error::BadTrailer);
        }
        ++step.consumed;
        break;
      // Trailers are read past and dropped: RFC 9110 6.5.1 lets a proxy do so. But they must be
      // fields: what is none may be the next message to somebody else.
      case State::TrailerName:
        if (c == ':') {
          state_ = State::TrailerValue;
        } else if (!is(c, kToken) || overhead()) {
          return failed(H1Error::BadTrailer);
        }
        ++step.consumed;
        break;
      case State::TrailerValue:
        if (c == '\r') {
          state_ = State::TrailerEnd;
        } else if (!is(c, kValue) || overhead()) {
          return failed(H1Error::BadTrailer);
        }
        ++step.consumed;
        break;
      case State::TrailerEnd:
        if (c != '\n') return failed(H1Error::BadTrailer);
        state_ = State::TrailerStart;
        ++step.consumed;
        break;
      case State::LastLf:
        if (c != '\n') return failed(H1Error::BadTrailer);
        state_ = State::Done;
        ++step.consumed;
        return step;
    }
  }
  return step;
}

}  // namespace hapair::http
