#include "common/address.h"

#include <gtest/gtest.h>
#include <sys/un.h>

#include <cstddef>

namespace hapair {
namespace {

TEST(IpAddress, IsReadAndWritten) {
  EXPECT_EQ(IpAddress::parse("192.168.50.10")->to_v4(), 0xc0a8320aU);
  EXPECT_EQ(IpAddress::v4(0xc0a8320a).to_string(), "192.168.50.10");
  EXPECT_EQ(IpAddress::parse("2001:DB8::1")->to_string(), "2001:db8::1");
  EXPECT_TRUE(IpAddress::parse("::")->is_any());
  EXPECT_TRUE(IpAddress::parse("::1")->is_v6());
  EXPECT_EQ(IpAddress::parse("::1")->size(), 16U);
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.04x", "web1", " 1.2.3.4", ":::"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(IpAddress, IsOrderedNumericallyWithinItsFamily) {
  EXPECT_LT(*IpAddress::parse("10.0.0.9"), *IpAddress::parse("10.0.0.10"));
  EXPECT_NE(*IpAddress::parse("::"), *IpAddress::parse("0.0.0.0"));
}

TEST(Cidr, ContainsItsNetwork) {
  const Cidr ten = *Cidr::parse("10.0.0.0/8");
  EXPECT_TRUE(ten.contains(*IpAddress::parse("10.255.1.2")));
  EXPECT_FALSE(ten.contains(*IpAddress::parse("11.0.0.0")));
  EXPECT_FALSE(ten.contains(*IpAddress::parse("::1")));
  const Cidr half = *Cidr::parse("192.168.1.128/25");
  EXPECT_TRUE(half.contains(*IpAddress::parse("192.168.1.200")));
  EXPECT_FALSE(half.contains(*IpAddress::parse("192.168.1.100")));
  EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("8.8.8.8")));
  EXPECT_TRUE(Cidr::parse("2001:db8::/32")->contains(*IpAddress::parse("2001:db8:1::1")));
}

TEST(Cidr, WithoutPrefixIsOneAddress) {
  EXPECT_EQ(Cidr::parse("10.1.2.3")->to_string(), "10.1.2.3/32");
  EXPECT_EQ(Cidr::parse("::1")->to_string(), "::1/128");
  for (const char* text :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "::/129", "/8"})
    EXPECT_FALSE(Cidr::parse(text)) << text;
}

TEST(SocketAddress, IsReadInEveryForm) {
  EXPECT_EQ(SocketAddress::parse("192.168.50.21:80")->to_string(), "192.168.50.21:80");
  EXPECT_EQ(SocketAddress::parse("*:80")->to_string(), "0.0.0.0:80");
  EXPECT_EQ(SocketAddress::parse(":80")->to_string(), "0.0.0.0:80");
  EXPECT_EQ(SocketAddress::parse("[::1]:8080")->to_string(), "[::1]:8080");
}

TEST(SocketAddress, SaysWhatIsWrong) {
  const auto message = [](std::string_view text) {
    return SocketAddress::parse(text).error().message;
  };
  EXPECT_EQ(message("192.168.50.21"), "'192.168.50.21' has no :port");
  EXPECT_EQ(message("web1:80"), "'web1' is not an IP address (names are not looked up)");
  EXPECT_EQ(message("1.2.3.4:http"), "'http' is not a port: a number from 1 to 65535");
  EXPECT_EQ(message("1.2.3.4:65536"), "'65536' is not a port: a number from 1 to 65535");
  EXPECT_EQ(message("1.2.3.4:0"), "'0' is not a port: a number from 1 to 65535");
  EXPECT_EQ(message("::1:80"), "'::1:80': write an IPv6 address in brackets, as \"[::1]:80\"");
  EXPECT_EQ(message("[::1:80"), "'[::1:80' lacks the closing ']'");
  EXPECT_EQ(message("[::1]"), "'[::1]' has no :port");
  EXPECT_EQ(message("[1.2.3.4]:80"), "'1.2.3.4' is not an IPv6 address: brackets hold only those");
}

TEST(SocketAddress, TakesIpv4InIpv6sClothesForIpv4) {
  sockaddr_storage raw;
  SocketAddress::parse("[::ffff:10.0.0.1]:80")->to_sockaddr(raw);
  EXPECT_EQ(SocketAddress::from(reinterpret_cast<const sockaddr*>(&raw)).to_string(),
            "10.0.0.1:80");
}

TEST(SocketAddress, OfAUnixListenersClientIsTheListenersNumber) {
  SocketAddress client;
  client.unix_listener = 3;
  EXPECT_EQ(client.to_string(), "unix:3");
  EXPECT_NE(client, SocketAddress{});
}

TEST(UnixAddress, IsAPathOrAnAbstractName) {
  for (const char* text : {"unix:/run/a.sock", "unix:@a"}) {
    const auto address = UnixAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
  sockaddr_storage raw;
  const auto& un = reinterpret_cast<const sockaddr_un&>(raw);
  EXPECT_EQ(UnixAddress::parse("unix:/a")->to_sockaddr(raw), offsetof(sockaddr_un, sun_path) + 3);
  EXPECT_STREQ(un.sun_path, "/a");
  EXPECT_EQ(UnixAddress::parse("unix:@ab")->to_sockaddr(raw), offsetof(sockaddr_un, sun_path) + 3);
  EXPECT_EQ(std::string_view(un.sun_path, 3), std::string_view("\0ab", 3));
}

TEST(UnixAddress, SaysWhatIsWrong) {
  const auto message = [](std::string_view text) {
    return UnixAddress::parse(text).error().message;
  };
  EXPECT_EQ(message("/run/a"), "'/run/a' is not a Unix socket");
  EXPECT_EQ(message("unix:a"), "'unix:a': the path of a Unix socket begins with '/'");
  EXPECT_EQ(message("unix:@"), "'unix:@' names no socket");
  EXPECT_EQ(message(std::string_view("unix:/a\0b", 9)), "a Unix socket's name has a NUL");
  EXPECT_TRUE(UnixAddress::parse("unix:/" + std::string(106, 'x')));
  EXPECT_EQ(message("unix:/" + std::string(107, 'x')),
            "the name of a Unix socket has at most 107 bytes, this one 108");
}

TEST(SocketAddress, GoesThroughTheKernelsForm) {
  for (const char* text : {"192.168.50.21:80", "[2001:db8::7]:443"}) {
    const SocketAddress address = *SocketAddress::parse(text);
    sockaddr_storage raw;
    const socklen_t length = address.to_sockaddr(raw);
    EXPECT_GT(length, 0U);
    EXPECT_EQ(SocketAddress::from(reinterpret_cast<const sockaddr*>(&raw)), address);
  }
}

}  // namespace
}  // namespace hapair
