#include "proxy/wire/proxy_header.h"

#include <gtest/gtest.h>

#include <string>

namespace hapair::wire {
namespace {

using Status = DecodedHeader::Status;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

SocketAddress at(std::string_view text) { return *SocketAddress::parse(text); }

/// A version 2 header: command byte, family byte, what follows.
std::string binary(int command, int family, std::string_view rest) {
  std::string bytes(kSignature);
  bytes += static_cast<char>(command);
  bytes += static_cast<char>(family);
  bytes += static_cast<char>(rest.size() >> 8);
  bytes += static_cast<char>(rest.size());
  return bytes.append(rest);
}

const std::string kV4("\x0a\0\0\x01\x0a\0\0\x02\x15\xb3\0\x50", 12);  // 10.0.0.1:5555 to 10.0.0.2:80
const std::string kV6 = [] {
  std::string bytes(36, '\0');
  bytes[15] = 1, bytes[31] = 2, bytes[33] = 7, bytes[35] = 80;
  return bytes;  // [::1]:7 to [::2]:80
}();

std::string encode(const Endpoints& endpoints, HeaderStyle style) {
  char room[kHeaderRoom];
  return {room, encode_proxy_header(endpoints, style, room)};
}

std::string encode_local(HeaderStyle style) {
  char room[kHeaderRoom];
  return {room, encode_local_header(style, room)};
}

HeaderError error_of(std::string_view bytes) {
  const DecodedHeader header = decode_proxy_header(bytes);
  EXPECT_EQ(header.status, Status::Refused);
  return header.error;
}

TEST(ProxyHeader, ReadsALine) {
  const std::string_view line = "PROXY TCP4 192.168.0.1 10.0.0.11 56324 443\r\n";
  const DecodedHeader header = decode_proxy_header(std::string(line) + "GET / HTTP/1.1\r\n");
  EXPECT_EQ(header.status, Status::Complete);
  EXPECT_EQ(header.size, line.size());
  EXPECT_EQ(header.announced, (Endpoints{at("192.168.0.1:56324"), at("10.0.0.11:443")}));
  EXPECT_EQ(decode_proxy_header("PROXY TCP6 ::1 2001:db8::7 1 65535\r\n").announced,
            (Endpoints{at("[::1]:1"), at("[2001:db8::7]:65535")}));
}

TEST(ProxyHeader, OfUnknownsAnnouncesNobody) {
  for (const char* line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:f...f:ffff 1 2 3 4 5\r\n"}) {
    const DecodedHeader header = decode_proxy_header(line);
    EXPECT_EQ(header.status, Status::Complete) << line;
    EXPECT_EQ(header.size, std::string_view(line).size());
    EXPECT_FALSE(header.announced);
  }
}

TEST(ProxyHeader, IsRefusedUnlessTheLineIsExact) {
  for (const char* line :
       {"PROXY TCP4 1.2.3.4 1.2.3.5 1 2\n\r\n", "PROXY TCP5 1.2.3.4 1.2.3.5 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.5 1 2 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5 1 2 3\r\n", "PROXY TCP4\t1.2.3.4 1.2.3.5 1 2\r\n",
        "PROXY \r\n", "PROXY UNKNOWNX\r\n", "PROXY tcp4 1.2.3.4 1.2.3.5 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5\r1 2\r\n"})
    EXPECT_EQ(error_of(line), HeaderError::BadLine) << line;
  for (const char* line :
       {"PROXY TCP4  1.2.3.4 1.2.3.5 1\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 1.2.3.5 1 2\r\n", "PROXY TCP4 1.2.3 1.2.3.5 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5 65536 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.5 1 -2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5 01 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.5 1 +2\r\n",
        "PROXY TCP4 01.2.3.4 1.2.3.5 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.5  2\r\n"})
    EXPECT_EQ(error_of(line), HeaderError::BadAddress) << line;
  for (const char* bytes : {"G", "PROXX", "proxy ", "\r\n\r\n\r", "\x16\x03\x01", "PROXYTCP4"})
    EXPECT_EQ(error_of(bytes), HeaderError::NotAHeader) << bytes;
}

TEST(ProxyHeader, EndsWithin107Bytes) {
  const std::string longest =
      "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
      "65535 65535\r\n";
  ASSERT_LE(longest.size(), kLongestLine);
  EXPECT_EQ(decode_proxy_header(longest).status, Status::Complete);
  const std::string unknown = "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n";
  ASSERT_EQ(unknown.size(), kLongestLine);
  EXPECT_EQ(decode_proxy_header(unknown).status, Status::Complete);
  EXPECT_EQ(error_of("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"), HeaderError::TooLong);
  EXPECT_EQ(decode_proxy_header("PROXY UNKNOWN " + std::string(92, 'x')).status,
            Status::Incomplete);
  EXPECT_EQ(error_of("PROXY UNKNOWN " + std::string(93, 'x')), HeaderError::TooLong);
}

TEST(ProxyHeader, IsReadWhereverItIsCut) {
  const Endpoints endpoints{at("10.0.0.1:5555"), at("10.0.0.2:80")};
  const std::string headers[] = {
      "PROXY TCP4 10.0.0.1 10.0.0.2 5555 80\r\n", binary(0x21, 0x11, kV4),
      binary(0x21, 0x11, kV4 + std::string("\x04\0\x03xyz", 6)),
      encode(endpoints, {HeaderVersion::V2, true}),
  };
  for (const std::string& header : headers) {
    for (std::size_t size = 0; size < header.size(); ++size)
      EXPECT_EQ(decode_proxy_header(std::string_view(header).substr(0, size)).status,
                Status::Incomplete)
          << header << " cut at " << size;
    EXPECT_EQ(decode_proxy_header(header + "more").size, header.size());
    EXPECT_EQ(decode_proxy_header(header).announced, endpoints);
  }
}

TEST(ProxyHeader, ReadsTheBinaryForm) {
  EXPECT_EQ(decode_proxy_header(binary(0x21, 0x21, kV6)).announced,
            (Endpoints{at("[::1]:7"), at("[::2]:80")}));
  // Announced for datagrams: it says who the client is all the same.
  EXPECT_TRUE(decode_proxy_header(binary(0x21, 0x12, kV4)).announced);
  // Nothing announced: LOCAL, with or without addresses, and unspecified families.
  for (const std::string& header :
       {binary(0x20, 0x00, ""), binary(0x20, 0x11, kV4), binary(0x20, 0x11, ""),
        binary(0x20, 0x11, "\xff\xff"), binary(0x21, 0x00, ""), binary(0x21, 0x00, "whatever"),
        binary(0x21, 0x31, std::string(216, 'x'))}) {
    const DecodedHeader decoded = decode_proxy_header(header);
    EXPECT_EQ(decoded.status, Status::Complete);
    EXPECT_EQ(decoded.size, header.size());
    EXPECT_FALSE(decoded.announced);
  }
}

TEST(ProxyHeader, ReadsIpv4InIpv6sClothesAsIpv4) {
  const Endpoints endpoints{at("10.1.2.3:1"), at("[::1]:2")};
  std::string addresses(32, '\0');
  addresses.replace(10, 6, std::string("\xff\xff\x0a\x01\x02\x03", 6));
  addresses[31] = 1;
  EXPECT_EQ(
      decode_proxy_header(binary(0x21, 0x21, addresses + std::string("\0\1\0\2", 4))).announced,
      endpoints);
  EXPECT_EQ(decode_proxy_header("PROXY TCP6 ::ffff:10.1.2.3 ::1 1 2\r\n").announced, endpoints);
}

TEST(ProxyHeader, IsRefusedUnlessTheBinaryFormIsExact) {
  EXPECT_EQ(error_of(binary(0x11, 0x11, kV4)), HeaderError::BadVersion);
  EXPECT_EQ(error_of(binary(0x22, 0x11, kV4)), HeaderError::BadVersion);
  EXPECT_EQ(error_of(std::string(kSignature) + "\x31"), HeaderError::BadVersion);
  for (const int family : {0x10, 0x13, 0x41, 0xf1, 0x03})
    EXPECT_EQ(error_of(binary(0x21, family, kV4)), HeaderError::BadFamily) << family;
  EXPECT_EQ(error_of(binary(0x21, 0x11, kV4.substr(1))), HeaderError::TooShort);
  EXPECT_EQ(error_of(binary(0x21, 0x21, kV4)), HeaderError::TooShort);
  EXPECT_EQ(error_of(binary(0x21, 0x31, kV6)), HeaderError::TooShort);
  EXPECT_EQ(error_of(binary(0x21, 0x11, kV4 + std::string(kLongestHeader, 'x'))),
            HeaderError::TooLong);
}

TEST(ProxyHeader, SkipsExtensionsItDoesNotKnow) {
  const std::string two("\x01\0\x02h2\xee\0\0", 8);
  EXPECT_TRUE(decode_proxy_header(binary(0x21, 0x11, kV4 + two)).announced);
  for (const std::string& broken : {std::string("\x01"), std::string("\x01\0", 2),
                                    std::string("\x01\0\x03h2", 5), std::string("\x01\xff\xffh2", 5),
                                    std::string("\x03\0\x03xyz", 6)})
    EXPECT_EQ(error_of(binary(0x21, 0x11, kV4 + broken)), HeaderError::BadExtension);
}

TEST(ProxyHeader, HoldsAChecksumAgainstTheWholeHeader) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);  // the check value of CRC-32C
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);  // RFC 3720 B.4
  const Endpoints endpoints{at("[::1]:7"), at("[::2]:80")};
  std::string header = encode(endpoints, {HeaderVersion::V2, true});
  EXPECT_EQ(decode_proxy_header(header).announced, endpoints);
  for (std::size_t i = 16; i < header.size(); ++i) {
    if (i == 52) continue;  // the extension's type: without one there is no checksum
    std::string wrong = header;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    EXPECT_NE(decode_proxy_header(wrong).announced, endpoints) << i;
  }
  header.back() = static_cast<char>(header.back() ^ 1);
  EXPECT_EQ(error_of(header), HeaderError::BadChecksum);
}

TEST(ProxyHeader, WritesWhatTheSpecificationShows) {
  const Endpoints v4{at("10.0.0.1:5555"), at("10.0.0.2:80")};
  EXPECT_EQ(encode(v4, {}), "PROXY TCP4 10.0.0.1 10.0.0.2 5555 80\r\n");
  EXPECT_EQ(encode(v4, {HeaderVersion::V2}), binary(0x21, 0x11, kV4));
  const Endpoints v6{at("[::1]:7"), at("[::2]:80")};
  EXPECT_EQ(encode(v6, {}), "PROXY TCP6 ::1 ::2 7 80\r\n");
  EXPECT_EQ(encode(v6, {HeaderVersion::V2}), binary(0x21, 0x21, kV6));
  EXPECT_EQ(encode_local({}), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(encode_local({HeaderVersion::V2}), binary(0x20, 0x00, ""));
  EXPECT_EQ(decode_proxy_header(encode_local({HeaderVersion::V2, true})).status, Status::Complete);
}

TEST(ProxyHeader, WritesMixedFamiliesAsIpv6AndUnixClientsAsUnknown) {
  const Endpoints mixed{at("10.0.0.1:5555"), at("[::2]:80")};
  EXPECT_EQ(encode(mixed, {}), "PROXY TCP6 ::ffff:10.0.0.1 ::2 5555 80\r\n");
  EXPECT_TRUE(decode_proxy_header(encode(mixed, {HeaderVersion::V2})).announced);
  Endpoints local{{}, at("10.0.0.2:80")};
  local.source.unix_listener = 1;
  EXPECT_EQ(encode(local, {}), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(encode(local, {HeaderVersion::V2}), binary(0x21, 0x00, ""));
}

TEST(ProxyHeader, FitsItsRoomAtItsLongest) {
  const Endpoints longest{at("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
                          at("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")};
  for (const HeaderStyle style : {HeaderStyle{}, HeaderStyle{HeaderVersion::V2, true}}) {
    const std::string header = encode(longest, style);
    EXPECT_LE(header.size(), kHeaderRoom);
    EXPECT_EQ(decode_proxy_header(header).announced, longest);
  }
}

}  // namespace
}  // namespace hapair::wire
