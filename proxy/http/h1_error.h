// Everything that can be wrong with an HTTP/1 message: one name a reason, one table to statuses.
#pragma once

#include <cstdint>
#include <string_view>

namespace hapair::http {

enum class H1Error : std::uint8_t {
  None,
  BadRequestLine,
  BadMethod,
  Connect,             // asks for a tunnel to anywhere
  BadTarget,
  BadVersion,
  BadStatusLine,
  BareLineFeed,        // LF without CR
  BareCarriageReturn,  // CR without LF
  BadFieldName,
  SpaceBeforeColon,
  FoldedField,         // obs-fold
  BadFieldValue,
  TooManyFields,
  HeadTooLarge,
  MissingHost,
  TwoHosts,
  BadHost,
  HostMismatch,        // absolute target and Host name different authorities
  BadLength,
  TwoLengths,          // repeated Content-Length, equal or not
  LengthAndEncoding,   // Content-Length beside Transfer-Encoding
  BadEncoding,         // a Transfer-Encoding that is not exactly one "chunked"
  BadChunkSize,
  BadChunkEnd,
  BadTrailer,
};

/// A few words for logs and `show errors`.
std::string_view to_string(H1Error error);

}  // namespace hapair::http
