// Writes HTTP/1 heads for the next hop: what came in, less what ends here, plus what we add.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/http/field_cuts.h"
#include "proxy/http/message.h"

namespace hapair::http {

/// What the Connection field of an encoded head says.
enum class ConnectionField : std::uint8_t { None, Close, KeepAlive, Upgrade };

/// Bytes an encoder may add to a head of N bytes, beyond the added field's own length.
inline constexpr std::size_t kEncoderRoom = 256;

struct RequestEdits {
  ConnectionField connection = ConnectionField::None;
  std::string_view add_name;   // one more field at the end; empty: none
  std::string_view add_value;
  std::string_view kept_name;       // stays although Connection names it; empty: none
  const FieldCuts* cuts = nullptr;  // null: none
};

/// Hop-by-hop fields (RFC 9110 7.6.1), and those a Connection field names, are left out; a chunked
/// body is announced anew; an absolute target becomes its path, and its authority the Host field
/// where there is none. `out` must hold the head's size,
/// the added field, what the cuts put and kEncoderRoom. Returns the bytes written.
std::size_t encode_request_head(const RequestHead& head, const RequestEdits& edits, char* out);

struct ResponseEdits {
  ConnectionField connection = ConnectionField::None;
  bool chunked = false;  // announce a chunked body
  bool offers_upgrade = false;      // Upgrade stays, and Connection says so beside the rest
  const FieldCuts* cuts = nullptr;  // null: none
  std::string_view add_lines;       // whole lines, each with its CRLF, at the end
};
/// `out` as above. A Content-Length of a response that must have none (1xx, 204) is left out, too.
std::size_t encode_response_head(const ResponseHead& head, const ResponseEdits& edits, char* out);

/// "1f40\r\n" for a chunk of `size` bytes; `out` must hold kChunkHeaderRoom. Returns the length.
inline constexpr std::size_t kChunkHeaderRoom = 18;
std::size_t encode_chunk_header(std::uint64_t size, char* out);

}  // namespace hapair::http
