#include "proxy/wire/proxy_header.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/bytes.h"
#include "common/text.h"

namespace hapair::wire {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kWord = "PROXY ";
constexpr std::size_t kFixedPart = 16;  // signature, version and command, family, length

constexpr unsigned kVersion2 = 0x20;
constexpr unsigned kLocal = 0, kProxy = 1;
constexpr unsigned kUnspecified = 0x0, kIpv4 = 0x1, kIpv6 = 0x2, kUnix = 0x3;
constexpr unsigned kStream = 0x1, kDatagram = 0x2;
constexpr std::size_t kIpv4Size = 12, kIpv6Size = 36, kUnixSize = 216;

constexpr std::uint8_t kTypeCrc32c = 0x03;
constexpr std::size_t kTlvHead = 3, kCrcSize = 4;

DecodedHeader refused(HeaderError error) {
  return {.status = DecodedHeader::Status::Refused, .error = error};
}

const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

/// A port in decimal digits without leading zeros. 0 is one: who knows no port says so.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  return parse_number<std::uint16_t>(text);
}

/// An address of the family, and nothing but.
std::optional<IpAddress> parse_ip(std::string_view text, bool v6) {
  const auto ip = IpAddress::parse(text);
  if (!ip || ip->is_v6() != v6) return std::nullopt;
  return *ip;
}

/// The words of a line, which single spaces part: at most one more than there may be.
std::size_t split(std::string_view line, std::array<std::string_view, 6>& words) {
  std::size_t count = 0;
  while (count < words.size()) {
    const auto space = line.find(' ');
    words[count++] = line.substr(0, space);
    if (space == line.npos) break;
    line.remove_prefix(space + 1);
  }
  return count;
}

DecodedHeader decode_line(std::string_view bytes) {
  const std::string_view window = bytes.substr(0, kLongestLine);
  const auto end = window.find("\r\n");
  if (end == window.npos) {
    if (window.size() == kLongestLine) return refused(HeaderError::TooLong);
    // A CR or LF on its own can no longer become the line's end.
    const auto odd = window.find_first_of("\r\n");
    const bool waits_for_lf = odd == window.size() - 1 && window[odd] == '\r';
    if (odd != window.npos && !waits_for_lf) return refused(HeaderError::BadLine);
    return {};
  }
  const std::string_view line = window.substr(kWord.size(), end - kWord.size());
  if (line.find_first_of("\r\n") != line.npos) return refused(HeaderError::BadLine);
  DecodedHeader header{.status = DecodedHeader::Status::Complete, .size = end + 2};
  // Whatever follows UNKNOWN is to be ignored.
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return header;
  std::array<std::string_view, 6> words;
  if (split(line, words) != 5) return refused(HeaderError::BadLine);
  const bool v6 = words[0] == "TCP6";
  if (!v6 && words[0] != "TCP4") return refused(HeaderError::BadLine);
  const auto source = parse_ip(words[1], v6), destination = parse_ip(words[2], v6);
  const auto source_port = parse_port(words[3]), destination_port = parse_port(words[4]);
  if (!source || !destination || !source_port || !destination_port)
    return refused(HeaderError::BadAddress);
  header.announced =
      Endpoints{{source->unmapped(), *source_port}, {destination->unmapped(), *destination_port}};
  return header;
}

IpAddress load_v6(const std::uint8_t* at) {
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), at, bytes.size());
  return IpAddress::v6(bytes).unmapped();
}

/// The size of a family's addresses; nothing if there is no such family and transport.
std::optional<std::size_t> address_size(std::uint8_t family) {
  const unsigned transport = family & 0xfU;
  if (transport > kDatagram) return std::nullopt;
  switch (family >> 4) {
    case kUnspecified: return 0;
    case kIpv4: return transport == 0 ? std::nullopt : std::optional(kIpv4Size);
    case kIpv6: return transport == 0 ? std::nullopt : std::optional(kIpv6Size);
    case kUnix: return transport == 0 ? std::nullopt : std::optional(kUnixSize);
    default: return std::nullopt;
  }
}

/// The whole header's checksum is made with the field itself zero.
bool checksum_holds(std::string_view header, std::size_t value_at) {
  constexpr std::string_view zeros("\0\0\0\0", kCrcSize);
  std::uint32_t sum = crc32c(header.substr(0, value_at));
  sum = crc32c(zeros, sum);
  sum = crc32c(header.substr(value_at + kCrcSize), sum);
  return sum == load_be32(bytes_of(header) + value_at);
}

HeaderError check_extensions(std::string_view header, std::size_t at) {
  while (at < header.size()) {
    if (header.size() - at < kTlvHead) return HeaderError::BadExtension;
    const std::size_t size = load_be16(bytes_of(header) + at + 1);
    const auto type = static_cast<std::uint8_t>(header[at]);
    at += kTlvHead;
    if (header.size() - at < size) return HeaderError::BadExtension;
    if (type == kTypeCrc32c) {
      if (size != kCrcSize) return HeaderError::BadExtension;
      if (!checksum_holds(header, at)) return HeaderError::BadChecksum;
    }
    at += size;
  }
  return HeaderError::None;
}

DecodedHeader decode_binary(std::string_view bytes) {
  // Each byte of the fixed part is judged as soon as it is there.
  if (bytes.size() > 12) {
    const auto command = static_cast<std::uint8_t>(bytes[12]);
    if ((command & 0xf0U) != kVersion2 || (command & 0xfU) > kProxy)
      return refused(HeaderError::BadVersion);
  }
  if (bytes.size() > 13 && !address_size(static_cast<std::uint8_t>(bytes[13])))
    return refused(HeaderError::BadFamily);
  if (bytes.size() < kFixedPart) return {};
  const std::size_t rest = load_be16(bytes_of(bytes) + 14);
  const std::size_t whole = kFixedPart + rest;
  if (whole > kLongestHeader) return refused(HeaderError::TooLong);
  const bool is_local = (static_cast<std::uint8_t>(bytes[12]) & 0xfU) == kLocal;
  const auto family = static_cast<std::uint8_t>(bytes[13]);
  const std::size_t addresses = *address_size(family);
  // LOCAL: whatever follows is to be skipped, addresses or not.
  if (!is_local && rest < addresses) return refused(HeaderError::TooShort);
  if (bytes.size() < whole) return {};
  DecodedHeader header{.status = DecodedHeader::Status::Complete, .size = whole};
  if (is_local) return header;
  const std::string_view text = bytes.substr(0, whole);
  // What follows "unspecified" has no known beginning: it is skipped as a whole.
  if (family >> 4 == kUnspecified) return header;
  if (const auto error = check_extensions(text, kFixedPart + addresses);
      error != HeaderError::None)
    return refused(error);
  const std::uint8_t* at = bytes_of(text) + kFixedPart;
  switch (family >> 4) {
    case kIpv4:
      header.announced = Endpoints{{IpAddress::v4(load_be32(at)), load_be16(at + 8)},
                                   {IpAddress::v4(load_be32(at + 4)), load_be16(at + 10)}};
      break;
    case kIpv6:
      header.announced = Endpoints{{load_v6(at), load_be16(at + 32)},
                                   {load_v6(at + 16), load_be16(at + 34)}};
      break;
    default: break;  // a Unix socket's: it has no address that means anything here
  }
  return header;
}

bool begins(std::string_view bytes, std::string_view mark) {
  const std::size_t common = std::min(bytes.size(), mark.size());
  return bytes.substr(0, common) == mark.substr(0, common);
}

/// The same address as IPv6 writes it.
std::array<std::uint8_t, 16> as_v6(const IpAddress& ip) {
  std::array<std::uint8_t, 16> bytes{};
  if (ip.is_v6()) {
    std::memcpy(bytes.data(), ip.data(), 16);
  } else {
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(&bytes[12], ip.data(), 4);
  }
  return bytes;
}

bool has_addresses(const Endpoints& endpoints) {
  return endpoints.source.unix_listener == 0 && endpoints.destination.unix_listener == 0;
}

std::size_t put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return text.size();
}

std::size_t encode_line(const Endpoints& endpoints, char* out) {
  const bool v4 = endpoints.source.ip.is_v4() && endpoints.destination.ip.is_v4();
  const auto text = [v4](const IpAddress& ip) {
    return v4 ? ip.to_string() : IpAddress::v6(as_v6(ip)).to_string();
  };
  const std::string line =
      fmt::format("PROXY {} {} {} {} {}\r\n", v4 ? "TCP4" : "TCP6", text(endpoints.source.ip),
                  text(endpoints.destination.ip), endpoints.source.port, endpoints.destination.port);
  return put(out, line);
}

/// Fills in what goes before the addresses and what goes behind them.
std::size_t finish_binary(unsigned command, unsigned family, std::size_t addresses, bool with_crc,
                          char* out) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(out);
  put(out, kSignature);
  bytes[12] = static_cast<std::uint8_t>(kVersion2 | command);
  bytes[13] = static_cast<std::uint8_t>(family);
  std::size_t size = kFixedPart + addresses;
  const std::size_t tlv = with_crc ? kTlvHead + kCrcSize : 0;
  store_be16(bytes + 14, static_cast<std::uint16_t>(addresses + tlv));
  if (!with_crc) return size;
  bytes[size] = kTypeCrc32c;
  store_be16(bytes + size + 1, kCrcSize);
  store_be32(bytes + size + kTlvHead, 0);
  size += tlv;
  store_be32(bytes + size - kCrcSize, crc32c({out, size}));
  return size;
}

std::size_t encode_binary(const Endpoints& endpoints, bool with_crc, char* out) {
  auto* at = reinterpret_cast<std::uint8_t*>(out) + kFixedPart;
  const SocketAddress &source = endpoints.source, &destination = endpoints.destination;
  const bool v4 = source.ip.is_v4() && destination.ip.is_v4();
  const std::size_t length = v4 ? 4 : 16;
  if (v4) {
    std::memcpy(at, source.ip.data(), length);
    std::memcpy(at + length, destination.ip.data(), length);
  } else {
    std::memcpy(at, as_v6(source.ip).data(), length);
    std::memcpy(at + length, as_v6(destination.ip).data(), length);
  }
  store_be16(at + 2 * length, source.port);
  store_be16(at + 2 * length + 2, destination.port);
  return finish_binary(kProxy, (v4 ? kIpv4 : kIpv6) << 4 | kStream, v4 ? kIpv4Size : kIpv6Size,
                       with_crc, out);
}

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82f63b78U : 0);
    table[byte] = value;
  }
  return table;
}();

}  // namespace

std::string_view describe(HeaderError error) {
  switch (error) {
    case HeaderError::None: return "no error";
    case HeaderError::NotAHeader: return "the connection does not begin with a PROXY header";
    case HeaderError::TooLong: return "the PROXY header is too long";
    case HeaderError::BadLine: return "the PROXY line is not as version 1 has it";
    case HeaderError::BadAddress: return "the PROXY line has a bad address or port";
    case HeaderError::BadVersion: return "the PROXY header has an unknown version or command";
    case HeaderError::BadFamily: return "the PROXY header has an unknown address family";
    case HeaderError::TooShort: return "the PROXY header is too short for its addresses";
    case HeaderError::BadExtension: return "the PROXY header has a broken extension";
    case HeaderError::BadChecksum: return "the PROXY header's checksum is wrong";
  }
  return "the PROXY header is wrong";
}

DecodedHeader decode_proxy_header(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (begins(bytes, kSignature)) return bytes.size() < kSignature.size() ? DecodedHeader{}
                                                                       : decode_binary(bytes);
  if (begins(bytes, kWord)) return bytes.size() < kWord.size() ? DecodedHeader{}
                                                             : decode_line(bytes);
  return refused(HeaderError::NotAHeader);
}

std::size_t encode_proxy_header(const Endpoints& endpoints, HeaderStyle style, char* out) {
  const bool known = has_addresses(endpoints);
  if (style.version == HeaderVersion::V1)
    return known ? encode_line(endpoints, out) : put(out, "PROXY UNKNOWN\r\n");
  return known ? encode_binary(endpoints, style.crc32c, out)
               : finish_binary(kProxy, kUnspecified, 0, style.crc32c, out);
}

std::size_t encode_local_header(HeaderStyle style, char* out) {
  if (style.version == HeaderVersion::V1) return put(out, "PROXY UNKNOWN\r\n");
  return finish_binary(kLocal, kUnspecified, 0, style.crc32c, out);
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  std::uint32_t value = ~before;
  for (const char c : bytes)
    value = kCrcTable[(value ^ static_cast<std::uint8_t>(c)) & 0xff] ^ value >> 8;
  return ~value;
}

}  // namespace hapair::wire
