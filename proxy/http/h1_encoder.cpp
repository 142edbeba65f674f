#include "proxy/http/h1_encoder.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "common/text.h"

namespace hapair::http {
namespace {

class Writer {
 public:
  explicit Writer(char* out) : begin_(out), at_(out) {}
  void put(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  std::size_t written() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* begin_;
  char* at_;
};

/// A set of field names, as bits.
using FieldIds = std::uint32_t;
constexpr FieldIds bit(FieldId id) { return 1U << static_cast<unsigned>(id); }

/// Those that end here.
constexpr FieldIds kHopByHop = bit(FieldId::Connection) | bit(FieldId::KeepAlive) |
                               bit(FieldId::ProxyConnection) | bit(FieldId::Te) |
                               bit(FieldId::Trailer) | bit(FieldId::TransferEncoding) |
                               bit(FieldId::Upgrade);

FieldIds ending_here(ConnectionField connection) {
  return connection == ConnectionField::Upgrade ? kHopByHop & ~bit(FieldId::Upgrade) : kHopByHop;
}

/// Fields whose loss would change what the message is: naming them in Connection has no effect.
bool is_protected(FieldId id) {
  return id == FieldId::Host || id == FieldId::ContentLength || id == FieldId::Authorization;
}

/// True if `pick` holds for a word of a Connection field.
template <typename Pick>
bool any_connection_word(const FieldList& fields, Pick pick) {
  for (const Field& field : fields) {
    if (field.id != FieldId::Connection) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (pick(trim(rest.substr(0, comma)))) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

/// Fields for whoever gets the message in the end (RFC 9110 7.6.1: never an option of a
/// connection). A client who could take them out of a request would unsay what a proxy before us
/// said, or what the server was to be told.
bool is_end_to_end(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "cookie",        "set-cookie", "cache-control", "content-type", "content-encoding",
      "content-range", "forwarded",  "x-real-ip",     "origin",       "range",
      "vary",          "location",   "etag",          "date",         "www-authenticate"};
  return iequals(name.substr(0, 12), "x-forwarded-") ||
         std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view known) { return iequals(name, known); });
}

bool connection_names(const FieldList& fields, const Field& field) {
  return !is_end_to_end(field.name) && any_connection_word(fields,
                             [&](std::string_view word) { return iequals(word, field.name); });
}

/// Copies neighbouring lines, less what is cut. `cut` moves on: runs come in order.
void put_run(Writer& out, const char* begin, const char* end, const FieldCut*& cut,
             const FieldCut* last) {
  for (; cut != last && cut->cut.data() < end; ++cut) {
    // In a field that has not come along; or, whatever is wrong then, in no field of these: a copy
    // beyond them would give away what is in our memory.
    if (cut->cut.data() < begin || cut->cut.data() + cut->cut.size() > end) continue;
    out.put({begin, static_cast<std::size_t>(cut->cut.data() - begin)});
    if (!cut->put.empty()) out.put(cut->put);
    begin = cut->cut.data() + cut->cut.size();
  }
  out.put({begin, static_cast<std::size_t>(end - begin)});
}

/// Copies the fields that go on (all but `ending`; `named`: Connection may name others, but never
/// `kept`), neighbours in one piece: their lines stand one after another in the received bytes.
void put_fields(Writer& out, const FieldList& fields, bool named, std::string_view kept,
                FieldIds ending, const FieldCuts* cuts) {
  const FieldCut* cut = cuts ? cuts->begin() : nullptr;
  const auto copy = [&](const char* begin, const char* end) {
    if (!cuts) [[likely]]
      return out.put({begin, static_cast<std::size_t>(end - begin)});
    put_run(out, begin, end, cut, cuts->end());
  };
  const char* run = nullptr;
  for (const Field& field : fields) {
    const bool dropped = (bit(field.id) & ending) ||
                         (named && !is_protected(field.id) && !iequals(field.name, kept) &&
                          connection_names(fields, field));
    const char* line = field.name.data();
    if (dropped) {
      if (run) copy(run, line);
      run = nullptr;
    } else if (!run) {
      run = line;
    }
  }
  if (!run) return;
  const Field& last = *(fields.end() - 1);
  const char* end = last.value.data() + last.value.size();
  while (*end != '\n') ++end;  // white space after the last value, then CRLF
  copy(run, end + 1);
}

void put_connection(Writer& out, ConnectionField field) {
  switch (field) {
    case ConnectionField::None: return;
    case ConnectionField::Close: return out.put("connection: close\r\n");
    case ConnectionField::KeepAlive: return out.put("connection: keep-alive\r\n");
    case ConnectionField::Upgrade: return out.put("connection: upgrade\r\n");
  }
}

}  // namespace

std::size_t encode_request_head(const RequestHead& head, const RequestEdits& edits, char* out) {
  Writer writer(out);
  const bool absolute = head.path_query.data() != head.target.data();
  if (!absolute) {
    writer.put(head.line);
  } else {
    writer.put(head.method_text);
    writer.put(" ");
    writer.put(head.path_query);
    writer.put(head.http_1_1 ? " HTTP/1.1" : " HTTP/1.0");
  }
  writer.put("\r\n");
  if (absolute && !head.fields.find(FieldId::Host)) {
    writer.put("host: ");
    writer.put(head.host);
    writer.put("\r\n");
  }
  put_fields(writer, head.fields, head.persistence.names_fields, edits.kept_name,
             ending_here(edits.connection), edits.cuts);
  if (head.framing == Framing::Chunked) writer.put("transfer-encoding: chunked\r\n");
  if (!edits.add_name.empty()) {
    writer.put(edits.add_name);
    writer.put(": ");
    writer.put(edits.add_value);
    writer.put("\r\n");
  }
  put_connection(writer, edits.connection);
  writer.put("\r\n");
  return writer.written();
}

std::size_t encode_response_head(const ResponseHead& head, const ResponseEdits& edits, char* out) {
  Writer writer(out);
  writer.put(head.line);
  writer.put("\r\n");
  FieldIds ending = ending_here(edits.connection);
  if (edits.offers_upgrade) ending &= ~bit(FieldId::Upgrade);
  // RFC 9110 8.6: never in these. Who believed it would take the next response for content.
  if (head.status / 100 == 1 || head.status == 204) ending |= bit(FieldId::ContentLength);
  put_fields(writer, head.fields, head.persistence.names_fields, {}, ending, edits.cuts);
  if (!edits.add_lines.empty()) writer.put(edits.add_lines);
  if (edits.chunked) writer.put("transfer-encoding: chunked\r\n");
  if (edits.offers_upgrade) put_connection(writer, ConnectionField::Upgrade);
  put_connection(writer, edits.connection);
  writer.put("\r\n");
  return writer.written();
}

std::size_t encode_chunk_header(std::uint64_t size, char* out) {
  char* end = std::to_chars(out, out + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<std::size_t>(end - out);
}

}  // namespace hapair::http
