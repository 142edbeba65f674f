// The PROXY protocol: the first bytes of a connection say who its client is, in text (version 1) or
// in binary (version 2). After the specification of HAProxy's authors, proxy-protocol.txt.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/address.h"

namespace hapair::wire {

/// Who speaks to whom, as the client sees it.
struct Endpoints {
  SocketAddress source;
  SocketAddress destination;
  friend bool operator==(const Endpoints&, const Endpoints&) = default;
};

enum class HeaderError : std::uint8_t {
  None,
  NotAHeader,      // the first bytes begin neither version
  TooLong,         // a version 1 line beyond 107 bytes, a version 2 header beyond kLongestHeader
  BadLine,         // version 1: not exactly the words there are
  BadAddress,      // version 1: no address of the family it names, or no port
  BadVersion,      // version 2 with another version or command
  BadFamily,       // version 2 with a family or a transport that does not exist
  TooShort,        // version 2: less than its family's addresses
  BadExtension,    // version 2: a TLV that ends beyond the header
  BadChecksum,     // version 2: the CRC32C is wrong
};
/// What is wrong, as the log says it.
std::string_view describe(HeaderError error);

struct DecodedHeader {
  enum class Status : std::uint8_t { Complete, Incomplete, Refused };
  Status status = Status::Incomplete;
  HeaderError error = HeaderError::None;  // of Refused
  std::size_t size = 0;                   // of Complete: what to take off the connection
  /// IPv4 mapped into IPv6 is IPv4 here. Absent: the sender speaks for itself (LOCAL), does not
  /// know (UNKNOWN, UNSPEC), or has a client of a Unix socket: the connection's own addresses
  /// count.
  std::optional<Endpoints> announced;
};

/// Version 1: "PROXY TCP6 " with the longest addresses and ports there are, and CR LF.
inline constexpr std::size_t kLongestLine = 107;
/// Version 2: the specification allows 64 KiB, which nobody needs to name a client.
inline constexpr std::size_t kLongestHeader = 16 * 1024;

/// Reads a header at the beginning of `bytes`, which may be cut anywhere. Strict: what is not
/// exactly a header is refused as soon as that shows. Unknown extensions are skipped.
DecodedHeader decode_proxy_header(std::string_view bytes);

enum class HeaderVersion : std::uint8_t { V1, V2 };

struct HeaderStyle {
  HeaderVersion version = HeaderVersion::V1;
  bool crc32c = false;  // version 2 only
  friend bool operator==(const HeaderStyle&, const HeaderStyle&) = default;
};

/// Room that every header we write fits into.
inline constexpr std::size_t kHeaderRoom = 108;

/// Writes a header and returns its size. Endpoints that have no IP address, or not both of one
/// family where neither can be written as the other, are written as unknown.
std::size_t encode_proxy_header(const Endpoints& endpoints, HeaderStyle style, char* out);
/// A header for connections of our own, such as health checks: LOCAL, or UNKNOWN in version 1.
std::size_t encode_local_header(HeaderStyle style, char* out);

/// CRC-32C (Castagnoli), as iSCSI has it.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace hapair::wire
